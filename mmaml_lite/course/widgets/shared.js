// What the browser's halves have in common: shared.py puts it before each of them.

const INK = "#222", SOFT = "#5f6368", PAPER = "#fff";
const DASHES = { dash: [7, 4], dot: [2, 3], dashdot: [7, 3, 2, 3], longdash: [11, 5] };
const dashes = (name) => DASHES[name] ?? []; // any other line is solid
const ARROWS = { ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowRight: [1, 0] };

function put(element, parent, text) {
  if (text !== null) element.textContent = text;
  parent?.append(element);
  return element;
}

function make(tag, className = "", parent = null, text = null) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return put(element, parent, text);
}

function makeShape(tag, attributes = {}, parent = null, text = null) { // of an SVG
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return put(element, parent, text);
}

function makeButton(className, parent, text = null) {
  return Object.assign(make("button", className, parent, text), { type: "button" });
}

function makeVoice(parent) { // what is written into it is read aloud
  const voice = make("div", "sr", parent);
  voice.setAttribute("aria-live", "polite");
  return voice;
}

const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join("");

function arrowhead([x, y], turn, size, open) { // its tip at a place; open: half its angle
  const wing = (a) => [x - size * Math.cos(turn + a), y - size * Math.sin(turn + a)];
  return `${path([[x, y], wing(open), wing(-open)])}Z`;
}

function ticks(low, high, most, steps = [1, 2, 5, 10]) {
  const rough = (high - low) / most, size = 10 ** Math.floor(Math.log10(rough));
  const step = steps.map((m) => m * size).find((s) => s >= rough);
  const found = [];
  for (let t = Math.ceil(low / step) * step; t <= high + 1e-9; t += step) found.push(+t.toFixed(6));
  return found;
}

const focus = (element) => element?.focus({ preventScroll: true }); // the page must not jump

function claim(el, className) { // keys are for the widget, not for the notebook's cells
  el.classList.add(className);
  el.dataset.lmSuppressShortcuts = "true";
}

function consume(event) { // neither the page nor the notebook acts on it too
  event.preventDefault();
  event.stopPropagation();
}

function onRelease(element, act) {
  for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, act);
}

function onChange(model, names, act) { // returns what ends it
  for (const name of names) model.on(`change:${name}`, act);
  return () => names.forEach((name) => model.off(`change:${name}`, act));
}

// What belongs together arrives together, but each part tells of itself: act once, after all.
function once(act) {
  let soon = false;
  return () => {
    if (soon) return;
    soon = true;
    queueMicrotask(() => { soon = false; act(); });
  };
}
