// The browser's half of diagram.py.
const SVG = "http://www.w3.org/2000/svg";
const DASHES = { solid: "", dash: "7 4", dot: "2 3" };

function make(tag, attributes = {}, parent = null, text = null) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== null) element.textContent = text;
  parent?.append(element);
  return element;
}

function render({ model, el }) {
  el.classList.add("mmaml-diagram");
  el.dataset.lmSuppressShortcuts = "true"; // Enter is for the boxes, not for cells
  const heading = document.createElement("div");
  heading.className = "heading";
  const svg = make("svg", { role: "group" });
  const help = document.createElement("div");
  help.className = "help";
  help.textContent = "Click a box; or Tab to it and press Enter.";
  el.append(heading, svg, help);

  function draw() {
    const [width, height] = model.get("size");
    const focused = svg.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    heading.textContent = model.get("heading");
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", width);
    svg.setAttribute("aria-label", model.get("heading") || "diagram");
    for (const arrow of model.get("arrows")) {
      const color = arrow.color ?? "#5f6368", path = arrow.path;
      const [x1, y1] = path.at(-2), [x2, y2] = path.at(-1), turn = Math.atan2(y2 - y1, x2 - x1);
      const wing = (a) => `${x2 - 10 * Math.cos(turn + a)} ${y2 - 10 * Math.sin(turn + a)}`;
      const short = [x2 - 6 * Math.cos(turn), y2 - 6 * Math.sin(turn)];
      make("path", { d: [...path.slice(0, -1), short].map((p, i) => `${i ? "L" : "M"}${p[0]} ${p[1]}`).join(""),
        class: "arrow", stroke: color, "stroke-dasharray": DASHES[arrow.dash ?? "solid"] }, svg);
      make("path", { d: `M${x2} ${y2}L${wing(0.42)}L${wing(-0.42)}Z`, fill: color }, svg);
      if (arrow.label) {
        const middle = Math.floor((path.length - 1) / 2), [a, b] = [path[middle], path[middle + 1]];
        make("text", { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2 - 7, class: "note" }, svg, arrow.label);
      }
    }
    for (const box of model.get("boxes")) {
      const g = make("g", { class: "box", tabindex: 0, role: "button", "data-key": box.key,
        "aria-label": box.label.replaceAll("\n", ", ") }, svg);
      make("rect", { x: box.x, y: box.y, width: box.width, height: box.height, rx: 8, fill: box.color ?? "#f3f3f3" }, g);
      const lines = box.label.split("\n");
      lines.forEach((line, i) => make("text", { x: box.x + box.width / 2,
        y: box.y + box.height / 2 + (i - (lines.length - 1) / 2) * 19 }, g, line));
      const choose = () => { model.set("value", box.key); model.save_changes(); };
      g.addEventListener("click", choose);
      g.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
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
  ["boxes", "arrows", "size", "heading"].forEach((name) => model.on(`change:${name}`, draw));
  model.on("change:value", mark);
  draw();
}

export default { render };
