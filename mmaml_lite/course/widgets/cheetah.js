// The browser's half of cheetah_track.py: draws the lanes and the chart, and keeps the time.
// Keyboard: the button and the time slider are the page's own; Space on the slider plays and pauses.

const GRID = "#e4e4e4";
const FONT = '"Open Sans", "DejaVu Sans", Verdana, Arial, sans-serif';
const LANE = 98, CHART = 150, GROUND = 22; // pixels: a lane, the chart, a lane's strip of ground
const CLOSE = 62; // pixels per metre when the camera follows
const ROOM = 1.5; // metres shown beyond the outermost place

const number = (value, digits = 2) => value.toFixed(digits).replace("-", "−");

function render({ model, el }) {
  const get = (name) => model.get(name);
  claim(el, "mmaml-cheetah");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const bar = make("div", "bar", el);
  const play = makeButton("play", bar, "Play");
  const slider = make("input", "time", bar);
  Object.assign(slider, { type: "range", min: 0, max: 10, step: 0.05, value: 0 });
  slider.setAttribute("aria-label", "time in seconds");
  const clock = make("output", "clock", bar);
  const toggle = (text) => {
    const label = make("label", "toggle", bar), box = make("input", "", label);
    box.type = "checkbox";
    make("span", "", label, text);
    return box;
  };
  const slow = toggle("slow motion"), whole = toggle("whole track");
  const lanes = make("div", "lanes", el);
  const above = make("div", "head", el), heading = make("span", "", above), busy = make("span", "busy", above);
  const chart = make("canvas", "chart", el);
  chart.setAttribute("role", "img");
  make("div", "help", el, "Play, or move the time slider (arrow keys; Space plays and pauses); or drag on the chart.");
  const aloud = makeVoice(el);

  let time = 0, playing = false, frame = 0, last = 0, film = -1, kind = "";
  let visible = false, fresh = true; // fresh: a film that nobody has begun to watch
  let poses = new Float32Array(), curves = new Float32Array(), rows = [], extent = [-1, 1];
  const length = () => Math.max(0, (get("shape")[1] - 1) * get("seconds"));
  const floats = (name) => { // a copy: bytes may begin anywhere in a message
    const view = get(name);
    return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  };
  const lane = () => get("lanes").filter((l) => !l.note);
  const stage = () => Math.min(get("stage"), get("shape")[0] - 1);
  const curve = (n, s, which) => {
    const frames = get("shape")[1], start = ((n * get("shape")[0] + s) * 3 + which) * frames;
    return curves.subarray(start, start + frames);
  };
  const between = (values, t) => { // linear between two frames
    const place = Math.min(t / get("seconds"), values.length - 1), i = Math.floor(place);
    const a = values[i], b = values[Math.min(i + 1, values.length - 1)];
    return Number.isNaN(a) ? b : a + (place - i) * (b - a);
  };
  const pose = (n, s, t) => {
    const [stages, frames, parts] = get("shape"), size = 4 * parts;
    const place = Math.min(t / get("seconds"), frames - 1), i = Math.floor(place), j = Math.min(i + 1, frames - 1);
    const a = ((n * stages + s) * frames + i) * size, b = a + (j - i) * size, found = [];
    for (let k = 0; k < size; k++) found.push(poses[a + k] + (place - i) * (poses[b + k] - poses[a + k]));
    return found;
  };
  const ready = () => poses.length === lane().length * get("shape").reduce((a, b) => a * b, 4) && curves.length > 0;

  function paper(canvas, height) { // a clean sheet, sharp on every screen
    const width = Math.max(280, el.clientWidth - 2), dense = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(height * dense)) {
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
      canvas.style.height = `${height}px`;
    }
    const c = canvas.getContext("2d");
    c.setTransform(dense, 0, 0, dense, 0, 0);
    c.fillStyle = PAPER;
    c.fillRect(0, 0, width, height);
    c.font = `12px ${FONT}`;
    c.lineCap = c.lineJoin = "round";
    return [c, width];
  }
  function write(c, text, x, y, align = "left", color = INK, bold = false) {
    c.font = `${bold ? "600 " : ""}12px ${FONT}`;
    c.textAlign = align;
    c.lineWidth = 4;
    c.strokeStyle = PAPER;
    c.strokeText(text, x, y);
    c.fillStyle = color;
    c.fillText(text, x, y);
  }

  function lay() { // new films, or other lanes
    const filmed = lane();
    lanes.replaceChildren();
    rows = [];
    get("lanes").forEach((l) => {
      const row = make("div", "lane", lanes), head = make("div", "head", row);
      const name = make("span", "name", head, l.label);
      name.style.setProperty("--color", l.color);
      const says = make("span", "says", head, l.note);
      if (l.note) return;
      const now = make("span", "now", head), canvas = make("canvas", "", row);
      canvas.setAttribute("role", "img");
      rows.push({ ...l, canvas, says, now, n: rows.length });
    });
    poses = floats("poses");
    curves = floats("curves");
    if (kind !== get("kind")) whole.checked = get("kind") === "location"; // what reads best
    kind = get("kind");
    slider.max = length();
    slider.step = get("seconds");
    heading.textContent = kind === "location" ? "Where the torso is, over time" : "The torso's speed over time (thin: each step; thick: mean of half a second)";
    bar.hidden = above.hidden = chart.hidden = !filmed.length;
    if (!filmed.length || !ready()) return;
    const places = [];
    for (const { n } of rows) for (let s = 0; s < get("shape")[0]; s++) places.push(...curve(n, s, 0));
    if (kind === "location") places.push(-11, 11, get("target"));
    else places.push(-4, 4);
    const real = places.filter(Number.isFinite);
    extent = [Math.min(...real) - ROOM, Math.max(...real) + ROOM];
  }

  function drawLane({ canvas, color, blown, n, says, now: moment, heads, label }) {
    const [c, width] = paper(canvas, LANE), s = stage(), target = get("target");
    says.textContent = heads[s] ?? "";
    const x = between(curve(n, s, 0), time), now = between(curve(n, s, 2), time);
    const scale = whole.checked ? width / (extent[1] - extent[0]) : CLOSE;
    const left = whole.checked ? extent[0] : x - width / 2 / scale;
    const ground = LANE - GROUND, px = (m) => (m - left) * scale, py = (h) => ground - h * scale;
    for (let m = Math.floor(left); m < left + width / scale; m++) { // metres, light and dark in turn
      c.fillStyle = m % 2 ? "#e9e4d6" : "#f5f2ea";
      c.fillRect(px(m), ground, scale + 0.5, GROUND);
    }
    c.fillStyle = "#8a8a8a";
    c.fillRect(0, ground - 1, width, 1.5);
    for (const m of ticks(left, left + width / scale, width / 60)) {
      c.fillRect(px(m) - 0.5, ground, 1, 6);
      c.fillStyle = SOFT;
      c.font = `11px ${FONT}`;
      c.textAlign = "center";
      if (Number.isInteger(m)) c.fillText(`${number(m, 0)}${m === 0 ? " m" : ""}`, px(m), LANE - 8);
      c.fillStyle = "#8a8a8a";
    }
    if (kind === "location") drawFlag(c, width, px(target), ground, target - x, scale);
    const xs = curve(n, s, 0), until = Math.min(xs.length - 1, Math.floor(time / get("seconds")));
    c.strokeStyle = color;
    c.globalAlpha = 0.45; // where it has been: a line on the ground
    c.lineWidth = 3;
    c.beginPath();
    for (let i = 0; i <= until; i++) c.lineTo(px(xs[i]), ground - 3);
    c.lineTo(px(x), ground - 3);
    c.stroke();
    c.globalAlpha = 1;
    const points = pose(n, s, time), wide = Math.max(3.2, get("thickness") * scale);
    const order = [5, 6, 7, 2, 3, 4, 0, 1]; // the body last, over the legs
    for (const [edge, tint] of [[2, PAPER], [0, color]]) {
      for (const part of order) {
        if (4 * part >= points.length) continue;
        const [x1, y1, x2, y2] = points.slice(4 * part, 4 * part + 4);
        c.lineWidth = wide + edge;
        c.strokeStyle = tint;
        c.globalAlpha = edge ? 0.9 : 1;
        c.beginPath();
        c.moveTo(px(x1), py(y1));
        c.lineTo(px(x2), py(y2));
        c.stroke();
      }
    }
    c.globalAlpha = 1;
    if (scale > 50) { // an eye, at the far end of the head
      c.fillStyle = PAPER;
      c.beginPath();
      c.arc(px(points[6]), py(points[7]), wide / 4, 0, 2 * Math.PI);
      c.fill();
    }
    if (px(x) < 0 || px(x) > width) write(c, px(x) < 0 ? "◀ off the track" : "off the track ▶", px(x) < 0 ? 8 : width - 8, 16, px(x) < 0 ? "left" : "right", color, true);
    const place = kind === "location";
    const said = place ? `at ${number(x)} m, ${number(Math.abs(target - x))} m from the flag`
                       : `${number(now)} m/s, target ${number(target)} m/s`;
    if (!place) drawSpeed(c, 8, Math.min(220, width / 2 - 80), now, target, color);
    const over = blown[s] >= 0 && time >= blown[s] * get("seconds");
    moment.textContent = over ? `✕ blew up after ${number(blown[s] * get("seconds"))} s: the episode ends here` : said;
    moment.classList.toggle("over", over);
    if (!playing) canvas.setAttribute("aria-label", `${label}, after ${number(time)} s: ${said}`);
    return `${label} ${said}`;
  }

  function drawFlag(c, width, x, ground, away, scale) {
    if (x < 6 || x > width - 6) {
      const right = x > width / 2;
      write(c, right ? `flag ${number(away, 1)} m ahead ▶` : `◀ flag ${number(-away, 1)} m behind`,
        right ? width - 8 : 8, 40, right ? "right" : "left", INK, true);
      return;
    }
    const top = ground - Math.max(44, Math.min(58, scale));
    c.strokeStyle = INK;
    c.lineWidth = 2.5;
    c.beginPath();
    c.moveTo(x, ground);
    c.lineTo(x, top);
    c.stroke();
    c.fillStyle = "#F0E442";
    c.lineWidth = 1.5;
    c.beginPath();
    c.moveTo(x, top);
    c.lineTo(x + 22, top + 8);
    c.lineTo(x, top + 16);
    c.closePath();
    c.fill();
    c.stroke();
    write(c, `target ${number(get("target"), 1)} m`, x, top - 5, x > width - 60 ? "right" : x < 60 ? "left" : "center", INK, true);
  }

  function drawSpeed(c, x, span, now, target, color) {
    const most = 3, place = (v) => x + span / 2 + (Math.max(-most, Math.min(most, v)) / most) * (span / 2);
    c.fillStyle = "#eee";
    c.fillRect(x, 20, span, 12);
    c.fillStyle = color;
    c.fillRect(Math.min(place(0), place(now)), 20, Math.abs(place(now) - place(0)), 12);
    c.fillStyle = INK;
    c.fillRect(place(0) - 0.5, 17, 1, 18);
    for (let v = -most; v <= most; v++) {
      c.fillStyle = SOFT;
      c.font = `10px ${FONT}`;
      c.textAlign = "center";
      c.fillText(number(v, 0), place(v), 44);
    }
    c.fillStyle = "#F0E442"; // the target: a flag on the scale
    c.strokeStyle = INK;
    c.lineWidth = 1.5;
    c.beginPath();
    c.moveTo(place(target), 24);
    c.lineTo(place(target) - 6, 12);
    c.lineTo(place(target) + 6, 12);
    c.closePath();
    c.fill();
    c.stroke();
    c.fillRect(place(target) - 0.75, 20, 1.5, 12);
  }

  let plot = null; // the chart's frame, for the pointer
  function drawChart() {
    const [c, width] = paper(chart, CHART), s = stage(), target = get("target");
    const values = [target, 0];
    for (const { n } of rows) values.push(...curve(n, s, 2));
    const real = values.filter(Number.isFinite);
    let low = Math.min(...real), high = Math.max(...real);
    const air = Math.max(0.08 * (high - low), 0.2);
    low -= air;
    high += air;
    const box = plot = { left: 52, right: width - 112, top: 10, bottom: CHART - 36 };
    const px = (t) => box.left + (t / length()) * (box.right - box.left);
    const py = (v) => box.bottom - ((v - low) / (high - low)) * (box.bottom - box.top);
    for (const v of ticks(low, high, 5)) {
      c.lineWidth = 1;
      c.strokeStyle = GRID;
      c.beginPath();
      c.moveTo(box.left, py(v));
      c.lineTo(box.right, py(v));
      c.stroke();
      write(c, number(v, Number.isInteger(v) ? 0 : 1), box.left - 6, py(v) + 4, "right", SOFT);
    }
    for (const t of ticks(0, length(), 10)) write(c, number(t, Number.isInteger(t) ? 0 : 2), px(t), box.bottom + 16, "center", SOFT);
    write(c, "seconds", (box.left + box.right) / 2, CHART - 5, "center", SOFT);
    c.save();
    c.translate(13, (box.top + box.bottom) / 2);
    c.rotate(-Math.PI / 2);
    write(c, kind === "location" ? "x (m)" : "speed (m/s)", 0, 0, "center", SOFT);
    c.restore();
    const trace = (data, width, alpha, dash, color, from, to) => {
      c.beginPath();
      for (let i = 0; i < data.length; i++) {
        const t = i * get("seconds");
        if (t >= from - 1e-9 && t <= to + 1e-9 && Number.isFinite(data[i])) c.lineTo(px(t), py(data[i]));
      }
      c.globalAlpha = alpha;
      c.lineWidth = width;
      c.strokeStyle = color;
      c.setLineDash(dash);
      c.stroke();
      c.setLineDash([]);
      c.globalAlpha = 1;
    };
    c.save();
    c.beginPath();
    c.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    c.clip();
    trace([target, ...Array(get("shape")[1] - 2).fill(NaN), target], 2, 1, [2, 4], INK, 0, length());
    for (const { n, color, dash } of rows) {
      if (kind === "speed") trace(curve(n, s, 1), 1, 0.25, [], color, 0, time);
      trace(curve(n, s, 2), 2.5, 0.3, dashes(dash), color, 0, length());
      trace(curve(n, s, 2), 2.5, 1, dashes(dash), color, 0, time);
    }
    c.restore();
    c.fillStyle = SOFT;
    c.fillRect(px(time) - 0.5, box.top, 1, box.bottom - box.top);
    const ends = rows.map((row) => {
      const v = between(curve(row.n, s, 2), time);
      c.fillStyle = row.color;
      c.strokeStyle = PAPER;
      c.lineWidth = 1.5;
      c.beginPath();
      if (row.dash === "dash") c.rect(px(time) - 4.5, py(v) - 4.5, 9, 9);
      else c.arc(px(time), py(v), 5, 0, 2 * Math.PI);
      c.fill();
      c.stroke();
      return { text: row.label, color: row.color, y: py(between(curve(row.n, s, 2), length())) };
    });
    ends.push({ text: `target ${number(target)}`, color: INK, y: py(target) });
    ends.sort((a, b) => a.y - b.y);
    ends.forEach((e, i) => { e.y = Math.max(box.top + 6, e.y, i ? ends[i - 1].y + 15 : 0); });
    const over = Math.max(0, ends.at(-1).y - box.bottom);
    for (const e of ends) write(c, e.text, box.right + 8, e.y - over + 4, "left", e.color, true);
  }

  function draw() {
    busy.textContent = get("busy");
    busy.classList.toggle("on", Boolean(get("busy")));
    if (!rows.length || !ready()) return "";
    time = Math.min(Math.max(0, time), length());
    const told = rows.map(drawLane);
    drawChart();
    slider.value = time;
    slider.setAttribute("aria-valuetext", `${number(time)} seconds`);
    clock.textContent = `${number(time)} s of ${number(length(), 0)} s`;
    play.textContent = playing ? "❚❚ Pause" : time >= length() ? "↺ Replay" : "▶ Play";
    if (!playing) chart.setAttribute("aria-label", `${heading.textContent}; target ${number(get("target"))} ${get("unit")}. At ${number(time)} s: ${told.join("; ")}`);
    return told.join("; ");
  }

  function tick(now) {
    frame = 0;
    if (!playing) return;
    if (!el.isConnected) { playing = false; return; }
    time += Math.min(0.1, (now - last) / 1000) * (slow.checked ? 0.25 : 1);
    last = now;
    if (time >= length()) {
      playing = false;
      time = length();
      aloud.textContent = `End of the run. ${draw()}`;
      return;
    }
    draw();
    frame = requestAnimationFrame(tick);
  }
  function start() {
    if (!rows.length) return;
    if (time >= length() - 1e-6) time = 0;
    playing = true;
    fresh = false;
    last = performance.now();
    if (!frame) frame = requestAnimationFrame(tick);
    draw();
  }
  function pause() {
    playing = fresh = false;
    draw();
  }
  const again = () => { // from its beginning, once in sight; or its end at once
    pause();
    fresh = !still.matches;
    time = still.matches ? length() : 0;
    if (fresh && visible) start();
    else draw();
  };

  play.addEventListener("click", () => (playing ? pause() : start()));
  slider.addEventListener("input", () => { time = Number(slider.value); pause(); });
  slider.addEventListener("keydown", (event) => {
    if (event.key.startsWith("Arrow")) event.stopPropagation(); // or the notebook takes it
    if (event.key !== " ") return;
    event.preventDefault();
    playing ? pause() : start();
  });
  whole.addEventListener("change", draw);
  const scrub = (event) => {
    if (!plot || !rows.length) return;
    const at = event.clientX - chart.getBoundingClientRect().left;
    time = ((at - plot.left) / (plot.right - plot.left)) * length();
    pause();
  };
  let held = false;
  chart.addEventListener("pointerdown", (event) => { held = true; chart.setPointerCapture(event.pointerId); scrub(event); });
  chart.addEventListener("pointermove", (event) => held && scrub(event));
  onRelease(chart, () => { held = false; });

  const another = () => { // film, or only a word on what is being computed
    if (film === get("film")) return draw();
    film = get("film");
    lay();
    again();
  };
  const staged = () => { // another stage: seen from the beginning, unless the reader stands at a moment
    if (playing || (time > 0 && time < length()) || still.matches) draw();
    else again();
  };
  const ends = [onChange(model, ["film", "busy"], once(another)), onChange(model, ["stage"], staged)];
  const size = new ResizeObserver(() => draw());
  size.observe(el);
  const sight = new IntersectionObserver((entries) => {
    visible = entries.at(-1).isIntersecting;
    if (visible && fresh) start();
  }, { threshold: 0.6 });
  sight.observe(lanes);
  film = get("film");
  lay();
  again();
  return () => {
    cancelAnimationFrame(frame);
    size.disconnect();
    sight.disconnect();
    ends.forEach((end) => end());
  };
}

export default { render };
