// The browser's half of pad.py: draws the plane and sends back where the points are.
// Pointer and touch: drag a point, tap the empty plane to add one, double-tap to take it away.
// Keyboard: Tab to a point, arrow keys move it (Shift: five times as far), Delete takes it away.
// Strokes: draw freely; or arrow keys move a cursor and Space puts the pen down and lifts it.
// Steps: an arrow key, a button or a tap takes a step from where Python says one stands.

function render({ model, el }) {
  const get = (name) => model.get(name);
  claim(el, "mmaml-pad");
  const heading = make("div", "heading", el);
  const svg = makeShape("svg", { role: "group" }, el);
  const buttons = make("div", "buttons", el);
  const help = make("div", "help", el);
  help.id = `pad-help-${Math.random().toString(36).slice(2)}`;
  const aloud = makeVoice(el);

  const clip = `pad-${Math.random().toString(36).slice(2)}`;
  const layers = {};
  let box; // the plane in pixels: left, top, width, height
  const pixel = ([x, y]) => {
    const [a, b] = get("xrange"), [c, d] = get("yrange");
    return [box.left + ((x - a) / (b - a)) * box.width, box.top + ((d - y) / (d - c)) * box.height];
  };
  const plane = (event) => {
    const seen = svg.getBoundingClientRect();
    const [a, b] = get("xrange"), [c, d] = get("yrange");
    const scale = seen.width / get("width");
    const px = (event.clientX - seen.left) / scale, py = (event.clientY - seen.top) / scale;
    return inside([a + ((px - box.left) / box.width) * (b - a), d - ((py - box.top) / box.height) * (d - c)]);
  };
  const inside = ([x, y]) => {
    const [a, b] = get("xrange"), [c, d] = get("yrange");
    const tidy = (v, low, high) => Math.round(Math.min(high, Math.max(low, v)) * 1000) / 1000;
    return [tidy(x, a, b), tidy(y, c, d)];
  };
  const rounded = ([x, y]) => [x.toFixed(1), y.toFixed(1)];
  const marked = ([low, high]) => ticks(low, high, 4, [1, 2, 2.5, 5, 10]);
  const say = ([x, y]) => `${get("xlabel")} ${x.toFixed(2)}, ${get("ylabel")} ${y.toFixed(2)}`;
  const points = () => get("value").map((p) => [...p]);
  const strokes = () => get("value").map((s) => s.map((p) => [...p]));

  // Changes go out once per frame, however fast the pointer is.
  let waiting = false;
  const send = (value) => {
    model.set("value", value);
    if (waiting || (get("at_end") && (drawing || down))) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; model.save_changes(); });
  };

  function drawPlane() {
    const [width, height, axes] = [get("width"), get("height"), get("axes")];
    const focused = focusedPoint();
    box = axes ? { left: 40, top: 6, width: width - 48, height: height - 42 }
               : { left: 1, top: 1, width: width - 2, height: height - 2 };
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    svg.setAttribute("aria-label", get("heading") || "pad");
    for (const part of [heading, buttons, help]) part.style.maxWidth = `${width}px`;
    const area = { x: box.left, y: box.top, width: box.width, height: box.height };
    makeShape("rect", area, makeShape("clipPath", { id: clip }, makeShape("defs", {}, svg)));
    layers.plane = makeShape("rect", { ...area, fill: "#fff", class: "plane" }, svg);
    if (axes) {
      for (const t of marked(get("xrange"))) {
        const [x] = pixel([t, 0]);
        makeShape("line", { x1: x, x2: x, y1: box.top, y2: box.top + box.height, class: "grid", "pointer-events": "none" }, svg);
        makeShape("text", { x, y: box.top + box.height + 14, "text-anchor": "middle", class: "tick" }, svg, t);
      }
      for (const t of marked(get("yrange"))) {
        const [, y] = pixel([0, t]);
        makeShape("line", { y1: y, y2: y, x1: box.left, x2: box.left + box.width, class: "grid", "pointer-events": "none" }, svg);
        makeShape("text", { x: box.left - 5, y: y + 4, "text-anchor": "end", class: "tick" }, svg, t);
      }
      makeShape("text", { x: box.left + box.width / 2, y: height - 6, "text-anchor": "middle", class: "label" }, svg, get("xlabel"));
      const middle = box.top + box.height / 2;
      makeShape("text", { x: 11, y: middle, "text-anchor": "middle", class: "label", transform: `rotate(-90 11 ${middle})` }, svg, get("ylabel"));
    }
    layers.image = makeShape("g", { "pointer-events": "none" }, svg); // above the grid
    makeShape("rect", { ...area, class: "frame", "pointer-events": "none" }, svg);
    layers.back = makeShape("g", { "clip-path": `url(#${clip})`, "pointer-events": "none" }, svg);
    layers.strokes = makeShape("g", { "clip-path": `url(#${clip})` }, svg);
    layers.dots = makeShape("g", { "clip-path": `url(#${clip})`, "pointer-events": "none" }, svg);
    layers.points = makeShape("g", {}, svg);
    drawContents();
    if (focused >= 0) focus(layers.points.children[focused] ?? addButton);
  }
  const focusedPoint = () => [...(layers.points?.children ?? [])].indexOf(document.activeElement);

  function drawContents() {
    drawImage(); drawDots(); drawBack(); drawPoints();
  }

  function drawImage() {
    layers.image.replaceChildren();
    const [width, height] = get("image_size"), bytes = get("image");
    if (!bytes.byteLength || bytes.byteLength !== 4 * width * height) return;
    const canvas = Object.assign(make("canvas"), { width, height });
    const data = new Uint8ClampedArray(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
    makeShape("image", { x: box.left, y: box.top, width: box.width, height: box.height,
      preserveAspectRatio: "none", href: canvas.toDataURL() }, layers.image);
  }

  function drawBack() {
    layers.back.replaceChildren();
    const taken = []; // heights of labels, so that none covers another
    for (const line of get("lines")) {
      const places = line.x.map((x, i) => {
        const [px, py] = pixel([x, line.y[i]]);
        return rounded([px, Math.max(-1e4, Math.min(1e4, py))]);
      });
      makeShape("path", { d: path(places), fill: "none", class: "line", stroke: line.color ?? INK, "stroke-width": line.width ?? 2,
        "stroke-dasharray": dashes(line.dash).join(" "), "stroke-opacity": line.opacity ?? 1 }, layers.back);
      if (line.label) {
        const [px, py] = pixel([line.x.at(-1), line.y.at(-1)]);
        let clamped = Math.max(box.top + 12, Math.min(box.top + box.height - 4, py));
        const aside = clamped > box.top + box.height / 2 ? -14 : 14; // one way only, so it ends
        while (taken.some((other) => Math.abs(other - clamped) < 14)) clamped += aside;
        taken.push(clamped);
        makeShape("text", { x: Math.min(px, box.left + box.width) - 4, y: clamped - 4, "text-anchor": "end", class: "note",
          style: `fill:${line.color ?? INK}` }, layers.back, line.label);
      }
    }
    for (const arrow of get("arrows")) {
      const [x1, y1] = pixel(arrow.tail), [x2, y2] = pixel(arrow.head);
      const color = arrow.color ?? INK, turn = Math.atan2(y2 - y1, x2 - x1), long = Math.hypot(x2 - x1, y2 - y1);
      if (long < 1) continue;
      const size = Math.min(11, 4 + long / 4) * Math.max(1, (arrow.width ?? 3) / 4);
      makeShape("path", { d: path([[x1, y1], [x2, y2]]), stroke: color, "stroke-width": arrow.width ?? 3, fill: "none",
        class: "arrow", "stroke-dasharray": dashes(arrow.dash).join(" ") }, layers.back);
      makeShape("path", { d: arrowhead([x2, y2], turn, size, 0.45), fill: color }, layers.back);
      if (arrow.label) makeShape("text", { x: x2 + 8 * Math.cos(turn), y: y2 + 8 * Math.sin(turn) + 4, class: "note",
        "text-anchor": Math.cos(turn) < -0.2 ? "end" : "start", style: `fill:${color}` }, layers.back, arrow.label);
    }
  }

  function drawDots() {
    layers.dots.replaceChildren();
    for (const dot of get("dots")) {
      const [x, y] = pixel([dot.x, dot.y]), r = dot.size ?? 5;
      const look = { fill: dot.color ?? INK, class: "dot" };
      const corner = (_, i) => { // of a star, from the top
        const turn = (i * Math.PI) / 5, far = i % 2 ? 0.4 * r : r;
        return `${x + far * Math.sin(turn)},${y - far * Math.cos(turn)}`;
      };
      if (dot.symbol === "star") makeShape("polygon", { points: Array.from({ length: 10 }, corner).join(" "), ...look }, layers.dots);
      else makeShape("circle", { cx: x, cy: y, r, ...look }, layers.dots);
      if (dot.label) makeShape("text", { x, y: y - r - 4, "text-anchor": "middle", class: "note" }, layers.dots, dot.label);
    }
  }

  function drawPoints() {
    const isSteps = get("kind") === "steps";
    const isStrokes = get("kind") === "strokes", on = get("enabled");
    el.classList.toggle("off", !on);
    heading.textContent = get("heading");
    heading.style.display = get("heading") ? "" : "none";
    layers.strokes.replaceChildren();
    if (isStrokes) {
      for (const stroke of get("value")) {
        const d = path(stroke.map((p) => rounded(pixel(p))));
        makeShape("path", { d: stroke.length === 1 ? `${d}l0.01 0` : d, class: "stroke" }, layers.strokes);
      }
      if (document.activeElement === svg) makeShape("circle", { cx: pixel(cursor)[0], cy: pixel(cursor)[1],
        r: down ? 3 : 6, class: "cursor" }, layers.strokes);
    }
    const shown = isStrokes || isSteps ? [] : get("value");
    while (layers.points.children.length > shown.length) layers.points.lastChild.remove();
    shown.forEach((point, i) => {
      const g = layers.points.children[i] ?? newPoint(i);
      const [x, y] = pixel(inside(point));
      g.setAttribute("transform", `translate(${x} ${y})`);
      g.setAttribute("tabindex", on ? 0 : -1);
      const name = get("names")[i] ?? `point ${i + 1}`;
      g.setAttribute("aria-label", name);
      g.setAttribute("aria-valuenow", point[0]); // a slider has one number: the text says both
      g.setAttribute("aria-valuetext", say(point));
      g.querySelector("text").textContent = get("names")[i] ?? i + 1;
    });
    const fixed = get("at_least") === get("at_most");
    svg.setAttribute("role", isStrokes || isSteps ? "application" : "group"); // hears arrow keys
    svg.setAttribute("aria-describedby", help.id);
    svg.setAttribute("tabindex", (isStrokes || isSteps) && on ? 0 : -1);
    el.classList.toggle("steps", isSteps);
    for (const b of stepButtons) {
      b.style.display = isSteps ? "" : "none";
      b.disabled = !canStep();
    }
    addButton.style.display = isStrokes || isSteps || fixed ? "none" : "";
    removeButton.style.display = isSteps || (fixed && !isStrokes) ? "none" : "";
    removeButton.textContent = isStrokes ? "Undo" : "Remove last";
    clearButton.style.display = removeButton.style.display;
    addButton.disabled = !on || shown.length >= get("at_most");
    removeButton.disabled = !on || get("value").length <= (isStrokes ? 0 : get("at_least"));
    clearButton.disabled = removeButton.disabled;
    help.textContent = !on || get("at_most") === 0 ? "" : isSteps
      ? "Arrow keys (Tab to the plane first), or the buttons, or click where you want to go: one step at a time." : isStrokes
      ? "Draw with the pointer. Keyboard: Tab to the plane, arrow keys move, Space lowers and lifts the pen."
      : fixed ? "Drag. Keyboard: Tab to a point, arrow keys move it (with Shift: further)."
      : "Click adds a point, dragging moves it, double-click removes it. Keyboard: Tab to a point, arrow keys move it (with Shift: further), Delete removes it.";
  }

  const removable = () => get("value").length > get("at_least");
  // What the pointer holds: a point, how far off its middle it was grasped, whether it has moved.
  let held = -1, off = [0, 0], grasp = null;
  let tapped = { i: -1, at: 0 }; // taps are counted here: the plane captures the pointer
  const hold = (i, event) => {
    const [x, y] = plane(event), point = get("value")[i];
    held = i;
    off = [point[0] - x, point[1] - y];
    grasp = [event.clientX, event.clientY];
    svg.setPointerCapture(event.pointerId);
    layers.points.children[i].classList.add("held");
    focus(layers.points.children[i]);
  };
  const drag = (event) => {
    if (grasp && Math.hypot(event.clientX - grasp[0], event.clientY - grasp[1]) < 3) return;
    grasp = null; // further than a tap trembles
    tapped.i = -1;
    const now = points(), [x, y] = plane(event);
    now[held] = inside([x + off[0], y + off[1]]);
    send(now);
  };

  function newPoint(i) {
    const [low, high] = get("xrange");
    const g = makeShape("g", { class: "point", role: "slider", "aria-roledescription": "movable point",
      "aria-valuemin": low, "aria-valuemax": high, "data-point": i }, layers.points);
    makeShape("circle", { r: 13, class: "reach" }, g); // fingers are wide
    makeShape("circle", { r: 9, class: "halo" }, g);
    makeShape("text", {}, g);
    g.addEventListener("pointerdown", (event) => {
      if (!get("enabled") || event.button > 0) return;
      consume(event);
      const again = removable() && tapped.i === i && event.timeStamp - tapped.at < 400;
      tapped = again ? { i: -1, at: 0 } : { i, at: event.timeStamp };
      if (again) remove(i);
      else hold(i, event);
    });
    g.addEventListener("keydown", (event) => {
      if (ARROWS[event.key]) {
        const by = get("step") * (event.shiftKey ? 5 : 1), now = points();
        now[i] = inside([now[i][0] + by * ARROWS[event.key][0], now[i][1] + by * ARROWS[event.key][1]]);
        send(now);
      } else if (event.key === "Delete" || event.key === "Backspace") remove(i);
      else return;
      consume(event);
    });
    return g;
  }

  function add(point) {
    if (get("value").length >= get("at_most")) return false;
    send([...points(), inside(point)]);
    focus(layers.points.lastChild);
    return true;
  }
  function remove(i) {
    if (!removable() || !get("enabled")) return;
    const now = points();
    now.splice(i, 1);
    send(now);
    focus(layers.points.children[Math.min(i, now.length - 1)] ?? addButton);
  }

  // Strokes
  let drawing = false, down = false, cursor = [0, 0];
  const extend = (point) => {
    const now = strokes(), last = now.at(-1)?.at(-1);
    if (last && Math.hypot(...pixel(point).map((v, k) => v - pixel(last)[k])) < 2) return;
    now.at(-1).push(point);
    send(now);
  };
  svg.addEventListener("pointerdown", (event) => {
    if (!get("enabled") || event.button > 0) return;
    if (get("kind") === "steps") {
      focus(svg);
      event.preventDefault();
      const [x, y] = plane(event), [a, b] = get("at");
      take([x - a, y - b]);
    } else if (get("kind") === "strokes") {
      focus(svg);
      drawing = true;
      svg.setPointerCapture(event.pointerId);
      cursor = plane(event);
      send([...strokes(), [cursor]]);
      event.preventDefault();
    } else if (event.target === layers.plane && get("at_least") !== get("at_most")) {
      event.preventDefault();
      if (add(plane(event))) hold(get("value").length - 1, event);
    } else if (get("at_most") === 1 && get("at_least") === 1) { // one point: it jumps there
      send([plane(event)]);
      hold(0, event);
      event.preventDefault();
    }
  });
  svg.addEventListener("pointermove", (event) => {
    if (drawing) { cursor = plane(event); extend(cursor); }
    else if (held >= 0 && held < get("value").length) drag(event);
  });
  const release = () => {
    layers.points.children[held]?.classList.remove("held");
    if (drawing) lift();
    held = -1;
  };
  const lift = () => { // the stroke is finished
    drawing = down = false;
    if (get("at_end")) model.save_changes();
  };
  onRelease(svg, release);
  svg.addEventListener("keydown", (event) => {
    if (get("kind") !== "strokes" || event.target !== svg || !get("enabled")) return;
    if (ARROWS[event.key]) {
      const by = get("step") * (event.shiftKey ? 5 : 1);
      cursor = inside([cursor[0] + by * ARROWS[event.key][0], cursor[1] + by * ARROWS[event.key][1]]);
      if (down) extend(cursor);
    } else if (event.key === " ") {
      down = !down;
      if (down) send([...strokes(), [cursor]]);
      else lift();
    } else return;
    aloud.textContent = `${down ? "drawing, " : ""}${say(cursor)}`;
    consume(event);
    drawPoints();
  });
  // Steps: what arrives is a wish; how far it leads is for Python to say, through `at`
  const canStep = () => get("enabled") && get("kind") === "steps" && get("value").length < get("at_most");
  function take(move) {
    if (canStep()) send([...points(), move.map((v) => Math.round(v * 1000) / 1000)]);
  }
  el.addEventListener("keydown", (event) => {
    if (get("kind") !== "steps" || !ARROWS[event.key]) return;
    consume(event); // the page must not scroll, even when the last step is taken
    if (!event.repeat) take(ARROWS[event.key].map((v) => v * get("step"))); // a key held down is one step
  });
  svg.addEventListener("focus", () => drawPoints());
  svg.addEventListener("blur", () => {
    if (down && get("at_end")) lift(); // who goes elsewhere with the pen down has finished
    drawPoints();
  });

  function button(text, action) {
    const b = makeButton("", buttons, text);
    b.addEventListener("click", () => {
      action();
      if (b.disabled) focus(get("kind") === "points" ? addButton : svg); // it would be lost
    });
    return b;
  }
  const middle = () => {
    const [a, b] = get("xrange"), [c, d] = get("yrange"), n = get("value").length;
    return [a + (b - a) * ((0.5 + n * 0.618) % 1), (c + d) / 2];
  };
  const addButton = button("Add a point", () => add(middle()));
  const removeButton = button("Remove last", () => {
    const n = get("value").length;
    if (get("kind") === "strokes") send(strokes().slice(0, -1));
    else if (removable()) send(points().slice(0, n - 1));
  });
  const clearButton = button("Clear", () => {
    drawing = down = false;
    send(get("kind") === "strokes" ? [] : points().slice(0, get("at_least")));
  });

  const stepNames = { ArrowLeft: ["←", "step left"], ArrowUp: ["↑", "step up"], ArrowDown: ["↓", "step down"], ArrowRight: ["→", "step right"] };
  const stepButtons = Object.entries(stepNames).map(([key, [text, label]]) => {
    const b = button(text, () => take(ARROWS[key].map((v) => v * get("step"))));
    b.setAttribute("aria-label", label);
    return b;
  });

  const redraw = ["kind", "xrange", "yrange", "xlabel", "ylabel", "axes", "width", "height", "heading"];
  const ends = [
    onChange(model, redraw, drawPlane),
    onChange(model, ["value", "names", "enabled", "at_least", "at_most"], drawPoints),
    onChange(model, ["lines", "arrows"], drawBack),
    onChange(model, ["image"], drawImage),
    onChange(model, ["dots"], drawDots),
  ];
  drawPlane();
  let seen = false;
  const sight = new IntersectionObserver(([entry]) => { // what came while it was out of the page
    if (entry.isIntersecting && !seen) drawContents();
    seen = entry.isIntersecting;
  });
  sight.observe(el);
  return () => {
    sight.disconnect();
    ends.forEach((end) => end());
  };
}

export default { render };
