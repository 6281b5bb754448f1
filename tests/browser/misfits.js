// What of explorers and figures is out of sight in a notebook's page: beyond the right edge, cut by
// its plot, or too pale for its ground. test_lessons.py asks on every screen and in both themes.
() => {
  const seen = (e) => e.getBoundingClientRect().width && getComputedStyle(e).visibility !== "hidden";
  const channels = (colour) => colour.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
  const lightness = (colour) => { // relative luminance, WCAG 2
    const [r, g, b] = channels(colour).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    while (e && (channels(getComputedStyle(e).backgroundColor)[3] ?? 1) < 0.5) e = e.parentElement;
    return e ? getComputedStyle(e).backgroundColor : "rgb(255, 255, 255)";
  };
  const contrast = (text) => {
    const { fill, color } = getComputedStyle(text);
    const pair = [lightness(text.closest("svg") ? fill : color), lightness(ground(text))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  };
  const misfits = new Set();
  for (const box of document.querySelectorAll(".mmaml-explorer, .jp-OutputArea-output .js-plotly-plot")) {
    if (!seen(box) || box.parentElement.closest(".mmaml-explorer")) continue;
    const name = [...box.classList].find((c) => c.startsWith("explorer-"))?.slice(9) ?? "a figure";
    const parts = [box, ...box.querySelectorAll("svg, canvas, button, input, label, table")];
    const right = Math.max(...parts.filter(seen).map((part) => part.getBoundingClientRect().right));
    const over = right - (box.closest(".jp-OutputArea-output") ?? box).getBoundingClientRect().right;
    if (over > 1) misfits.add(`${name} goes ${Math.round(over)} px beyond the right edge`);
    for (const text of box.querySelectorAll(".js-plotly-plot text")) {
      const words = text.getBoundingClientRect();
      const plot = text.closest(".js-plotly-plot").getBoundingClientRect();
      const cut = Math.max(words.right - plot.right, plot.left - words.left, words.bottom - plot.bottom);
      if (seen(text) && cut > 2) misfits.add(`${name} cuts ${Math.round(cut)} px of "${text.textContent}"`);
    }
    for (const text of box.querySelectorAll("label, button, p, td, th, text")) { // plots turn as a whole
      if (!seen(text) || !text.textContent.trim() || text.closest(".js-plotly-plot, [disabled]")) continue;
      if (contrast(text) < 3) misfits.add(`${name}: "${text.textContent.trim().slice(0, 30)}" is pale`);
    }
  }
  return [...misfits];
}
