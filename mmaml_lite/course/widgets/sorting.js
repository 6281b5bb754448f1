// The browser's half of sorting_board.py: lays out a deal, takes answers and judges them at once.
// Pointer and touch: tap a character, or drag the new drawing onto it.
// Keyboard: Tab to the characters, then a letter (or 1 to 9), or arrow keys and Enter.

const SIDE = 28, LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const HASTE = 250; // ms: nobody has seen a drawing sooner, it was a double click
const GLOW = 1100; // ms that a verdict stays on its card

function paint(canvas, bytes, index) {
  canvas.width = canvas.height = SIDE;
  const image = new ImageData(SIDE, SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const grey = 255 - bytes.getUint8(index * SIDE * SIDE + i);
    image.data.set([grey, grey, grey, 255], 4 * i);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function render({ model, el }) {
  const get = (name) => model.get(name);
  claim(el, "mmaml-sorting");
  const top = make("div", "top", el);
  make("div", "heading", top, "Which character is it?");
  const tally = make("div", "tally", top);
  const desk = make("div", "desk", el);
  const left = make("div", "new", desk);
  const label = make("div", "label", left);
  const slot = make("div", "slot", left);
  const drawing = make("canvas", "drawing", slot);
  drawing.setAttribute("role", "img");
  const again = makeButton("again", slot);
  const verdict = make("div", "verdict", left);
  const cards = make("div", "cards", desk);
  cards.setAttribute("role", "group");
  cards.setAttribute("aria-label", "the characters, one to choose");
  const scroll = make("div", "scroll", el);
  const marks = make("table", "marks", scroll);
  const help = make("div", "help", el);
  const aloud = makeVoice(el);

  let laid = "", since = performance.now(), waiting = false, glow = 0, wanted = false;
  const ways = () => get("at")[0], asked = () => get("truth").length;
  const here = (row) => row[0] === get("at")[0] && row[1] === get("at")[1];
  const mine = () => get("value").filter(here);
  const buttons = () => [...cards.children];
  const inside = () => el.contains(document.activeElement);
  const bytes = () => get("ink");
  const first = () => ways() * get("shots"); // index of the first new drawing

  function lay() { // another deal
    laid = String(get("at"));
    waiting = false;
    cards.replaceChildren();
    cards.classList.toggle("many", ways() > 6);
    cards.style.setProperty("--ways", ways());
    for (let n = 0; n < ways(); n++) {
      const card = makeButton("card", cards);
      card.tabIndex = n ? -1 : 0;
      card.setAttribute("aria-label", `character ${LETTERS[n]}`);
      const paper = make("span", get("shots") > 1 ? "paper few" : "paper", card);
      for (let k = 0; k < get("shots"); k++) paint(make("canvas", "", paper), bytes(), n * get("shots") + k);
      make("span", "letter", card, LETTERS[n]);
      make("span", "badge", card).setAttribute("aria-hidden", "true");
      card.addEventListener("click", () => answer(n));
      card.addEventListener("focus", () => rove(n));
    }
    verdict.replaceChildren();
    const last = LETTERS[ways() - 1], digits = ways() < 10 ? ` or 1 to ${ways()}` : "";
    help.textContent = `Tap a character, or drag the drawing onto it. Keyboard: Tab to the characters, then A to ${last}${digits}; or arrow keys and Enter.`;
    since = performance.now();
    draw();
    if (wanted) focus(buttons()[0]);
    wanted = false;
  }

  function draw() { // where the deal stands
    if (laid !== String(get("at"))) return lay();
    if (bytes().byteLength < (first() + asked()) * SIDE * SIDE) return; // not yet here
    const rows = mine(), n = rows.length, over = n >= asked();
    const right = rows.filter((row, i) => row[2] === get("truth")[i]).length;
    const seconds = rows.reduce((sum, row) => sum + row[3], 0);
    tally.textContent = `${n} of ${asked()} sorted · ${right} right · ${Math.round(seconds)} s`;
    label.textContent = over ? "All sorted" : `New drawing ${n + 1} of ${asked()}`;
    drawing.hidden = over;
    again.hidden = !over;
    again.textContent = waiting ? "Dealing …" : "New deal";
    if (!over) {
      paint(drawing, bytes(), first() + n);
      drawing.setAttribute("aria-label", `new drawing ${n + 1} of ${asked()}`);
    }
    el.classList.toggle("over", over);
    for (const card of buttons()) card.setAttribute("aria-disabled", over);
    drawMarks(rows);
  }

  function drawMarks(rows) {
    const truth = get("truth"), shown = Math.min(rows.length + 1, truth.length);
    marks.replaceChildren();
    make("caption", "sr", marks, "who sorted which drawing rightly");
    const head = make("tr", "", make("thead", "", marks)), body = make("tbody", "", marks);
    make("th", "", head).scope = "col";
    truth.forEach((_, i) => {
      const th = make("th", "", head);
      th.scope = "col";
      if (i < shown) paint(make("canvas", "", th), bytes(), first() + i);
      else make("span", "hidden", th, "?").setAttribute("aria-hidden", "true");
      make("span", "sr", th, `drawing ${i + 1}`);
    });
    make("th", "sum", head, "right").scope = "col";
    const line = (text, color, className, cell, sum) => {
      const tr = make("tr", className, body), th = make("th", "", tr, text);
      th.scope = "row";
      if (color) th.style.color = color;
      truth.forEach((t, i) => cell(make("td", "", tr), t, i));
      make("td", "sum", tr, sum);
    };
    line("it is", "", "truth", (td, t, i) => { td.textContent = i < rows.length ? LETTERS[t] : ""; }, "");
    const players = [{ label: "you", color: "", picks: rows.map((row) => row[2]) }, ...get("machines")];
    for (const { label: name, color, picks } of players) {
      const right = picks.filter((pick, i) => pick === truth[i]).length;
      line(name, color, "player", (td, t, i) => {
        if (i >= picks.length) { td.textContent = "·"; return; }
        const good = picks[i] === t;
        td.className = good ? "right" : "wrong";
        make("span", "", td, good ? "✓" : `✗ ${LETTERS[picks[i]]}`).setAttribute("aria-hidden", "true");
        make("span", "sr", td, good ? "right" : `wrong, said ${LETTERS[picks[i]]}`);
      }, picks.length ? `${right} of ${picks.length}` : "");
    }
  }

  function answer(n) {
    const i = mine().length, now = performance.now();
    if (i >= asked() || n >= ways() || now - since < HASTE) return;
    const truth = get("truth")[i], good = n === truth;
    const seconds = Math.round(now - since) / 1000;
    since = now;
    model.set("value", [...get("value"), [...get("at"), n, seconds]]);
    model.save_changes();
    clearTimeout(glow);
    unglow();
    shine(n, good ? "right" : "wrong", good ? "✓" : "✗");
    if (!good) shine(truth, "was", "✓");
    glow = setTimeout(unglow, GLOW);
    const said = good ? `Right: ${LETTERS[n]}` : `Not ${LETTERS[n]}: it is ${LETTERS[truth]}`;
    verdict.replaceChildren();
    verdict.className = `verdict ${good ? "good" : "bad"}`;
    paint(make("canvas", "", verdict), bytes(), first() + i);
    make("span", "", verdict, good ? `✓ ${LETTERS[n]}` : `✗ ${LETTERS[truth]}, not ${LETTERS[n]}`);
    const over = i + 1 >= asked();
    aloud.textContent = `${said}. ${over ? "All sorted." : `Drawing ${i + 2} of ${asked()}.`}`;
    draw();
    if (over && inside()) focus(again);
    else if (document.activeElement === document.body || !inside()) focus(buttons()[n]);
  }
  function shine(n, name, badge) {
    const card = buttons()[n];
    card.classList.add(name);
    card.querySelector(".badge").textContent = badge;
  }
  function unglow() {
    for (const card of buttons()) card.classList.remove("right", "wrong", "was");
  }

  // Keyboard: one card is reached with Tab, arrow keys lead to the others
  const rove = (n) => buttons().forEach((card, i) => { card.tabIndex = i === n ? 0 : -1; });
  el.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select")) return;
    const all = buttons(), at = all.indexOf(document.activeElement);
    const typed = event.key.length === 1 ? event.key.toUpperCase() : "";
    let n = typed ? LETTERS.indexOf(typed) : -1;
    if (ways() < 10 && /[1-9]/.test(typed)) n = Number(typed) - 1;
    if (n >= 0 && n < ways()) {
      if (!event.repeat) answer(n);
    } else if (ARROWS[event.key] && at >= 0) {
      const across = all.filter((card) => card.offsetTop === all[0].offsetTop).length;
      const [dx, dy] = ARROWS[event.key], to = at + dx - dy * across;
      focus(all[to]);
    } else if ((event.key === "Enter" || event.key === " ") && at >= 0) {
      if (!event.repeat) answer(at);
    } else if ((event.key === "Enter" || event.key === " ") && event.target === again && event.repeat) {
      // a key held down from the last answer deals no new cards
    } else return;
    consume(event);
  });

  // Pointer: the new drawing can be dragged
  let grasp = null, over = null;
  const under = (event) => document.elementsFromPoint(event.clientX, event.clientY)
    .map((e) => e.closest?.(".card")).find((card) => card && cards.contains(card)) ?? null;
  const hover = (card) => {
    over?.classList.remove("over");
    over = card;
    over?.classList.add("over");
  };
  drawing.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    event.preventDefault();
    grasp = [event.clientX, event.clientY];
    drawing.setPointerCapture(event.pointerId);
    drawing.classList.add("held");
  });
  drawing.addEventListener("pointermove", (event) => {
    if (!grasp) return;
    drawing.style.transform = `translate(${event.clientX - grasp[0]}px, ${event.clientY - grasp[1]}px) scale(.7)`;
    hover(under(event));
  });
  const drop = (event) => {
    if (!grasp) return;
    const card = event.type === "pointerup" ? under(event) : null;
    grasp = null;
    hover(null);
    drawing.classList.remove("held");
    drawing.style.transform = "";
    focus(buttons().find((c) => c.tabIndex === 0));
    if (card) answer(buttons().indexOf(card));
  };
  onRelease(drawing, drop);

  again.addEventListener("click", () => {
    if (waiting || performance.now() - since < HASTE) return;
    waiting = wanted = true;
    again.textContent = "Dealing …";
    model.send({ wish: "again" });
  });

  const note = make("div", "note");
  help.before(note);
  const tell = () => { note.textContent = get("note"); };
  const parts = ["value", "at", "ink", "truth", "machines", "shots"];
  const ends = [onChange(model, parts, once(draw)), onChange(model, ["note"], tell)];
  tell();
  draw();
  return () => {
    clearTimeout(glow);
    ends.forEach((end) => end());
  };
}

export default { render };
