// The browser's half of diagram.py.
function render({ model, el }) {
  claim(el, "mmaml-diagram");
  const heading = make("div", "heading", el);
  const svg = makeShape("svg", { role: "group" }, el);
  make("div", "help", el, "Click a box; or Tab to it and press Enter.");

  function draw() {
    const [width, height] = model.get("size");
    const focused = svg.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    heading.textContent = model.get("heading");
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", width);
    svg.setAttribute("aria-label", model.get("heading") || "diagram");
    for (const arrow of model.get("arrows")) {
      const color = arrow.color ?? SOFT, corners = arrow.path;
      const [x1, y1] = corners.at(-2), [x2, y2] = corners.at(-1), turn = Math.atan2(y2 - y1, x2 - x1);
      const short = [x2 - 6 * Math.cos(turn), y2 - 6 * Math.sin(turn)];
      makeShape("path", { d: path([...corners.slice(0, -1), short]), class: "arrow", stroke: color,
        "stroke-dasharray": dashes(arrow.dash).join(" ") }, svg);
      makeShape("path", { d: arrowhead([x2, y2], turn, 10, 0.42), fill: color }, svg);
      if (arrow.label) {
        const middle = Math.floor((corners.length - 1) / 2), [a, b] = [corners[middle], corners[middle + 1]];
        makeShape("text", { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2 - 7, class: "note" }, svg, arrow.label);
      }
    }
    for (const box of model.get("boxes")) {
      const g = makeShape("g", { class: "box", tabindex: 0, role: "button", "data-key": box.key,
        "aria-label": box.label.replaceAll("\n", ", ") }, svg);
      makeShape("rect", { x: box.x, y: box.y, width: box.width, height: box.height, rx: 8, fill: box.color ?? "#f3f3f3" }, g);
      const lines = box.label.split("\n");
      lines.forEach((line, i) => makeShape("text", { x: box.x + box.width / 2,
        y: box.y + box.height / 2 + (i - (lines.length - 1) / 2) * 19 }, g, line));
      const choose = () => { model.set("value", box.key); model.save_changes(); };
      g.addEventListener("click", choose);
      g.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        consume(event);
        choose();
      });
    }
    mark();
    if (focused) [...svg.querySelectorAll(".box")].find((g) => g.dataset.key === focused)?.focus();
  }
  function mark() {
    for (const g of svg.querySelectorAll(".box")) {
      const chosen = g.dataset.key === model.get("value");
      g.classList.toggle("chosen", chosen);
      g.setAttribute("aria-pressed", chosen);
    }
  }
  onChange(model, ["boxes", "arrows", "size", "heading"], draw);
  onChange(model, ["value"], mark);
  draw();
}

export default { render };
