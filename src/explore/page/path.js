// The straight path between two codes, played forwards and back.

import { element } from "./elements.js";

const MARKED = "marked"; // the choice that is a point, not a class
const CALM = matchMedia("(prefers-reduced-motion: reduce)");

// Wires the controls in `root`. `labels` are the classes whose first test image has its code in `ends`; `here()` gives the
// point, `go(code)` moves it.
export function addPath(root, classes, labels, ends, here, go) {
  const [play, turn] = root.querySelectorAll(".play, .turn");
  const [along, speed] = root.querySelectorAll(".along, .speed");
  const sides = Array.from(root.querySelectorAll("select"), (select, side) => addEnd(select, side));
  let share = 0; // of the way; finer than the steps of `along`, and so are the frames of a fast screen
  let direction = 1;
  let before = 0;
  let playing = false;

  function addEnd(select, side) {
    labels.forEach((label, i) => select.append(element("option", { value: i }, classes[label])));
    select.append(element("option", { value: MARKED }, "the marked point"));
    select.value = side === 0 ? Math.min(1, labels.length - 1) : 0;
    let marked = here();
    root.querySelectorAll(".take")[side].addEventListener("click", () => {
      marked = here();
      select.value = MARKED;
    });
    select.addEventListener("change", () => moveTo(share));
    return () => (select.value === MARKED ? marked : ends[select.value]);
  }

  function moveTo(next) {
    share = next;
    along.value = share;
    // With reduced motion the point goes in tenths of the way.
    const at = playing && CALM.matches ? Math.round(share * 10) / 10 : share;
    const [from, to] = sides.map((side) => side());
    go(Float32Array.from(from, (value, i) => value + at * (to[i] - value)));
  }

  function step(now) {
    if (!playing) return;
    const next = share + (direction * Number(speed.value) * (now - before)) / 1000;
    before = now;
    if (next <= 0 || next >= 1) direction = next >= 1 ? -1 : 1; // at an end it turns
    moveTo(Math.min(1, Math.max(0, next)));
    requestAnimationFrame(step);
  }

  play.addEventListener("click", () => {
    playing = !playing;
    play.textContent = playing ? "Pause" : "Play";
    before = performance.now();
    if (playing) requestAnimationFrame(step);
  });
  turn.addEventListener("click", () => (direction = -direction));
  along.addEventListener("input", () => moveTo(Number(along.value)));
}
