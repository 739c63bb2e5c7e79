// Sliders with a number beside each, and the range of the training under them.

import { short, single } from "./numbers.js";

let count = 0;

// Adds a slider to `parent`; returns { set(value) }.
//   name, detail, unit: texts; low, high: range of the training.
//   strict: whether values outside that range are refused (concentrations) or only remarked on (latents).
//   change(value): called for each new value.
export function addSlider(parent, { name, detail, unit, low, high, strict, change }) {
  count += 1;
  const id = `slider-${count}`;
  const row = element("div", "slider");
  const label = element("label");
  label.htmlFor = id;
  label.append(name);
  if (detail) label.append(Object.assign(element("small"), { textContent: detail }));
  const track = element("div", "track"), range = element("input"), number = element("input");
  const trained = element("div", "trained"), ends = element("div", "ends"), message = element("p", "message");
  Object.assign(range, { type: "range", id, step: "any" });
  Object.assign(number, { type: "number", step: "any", inputMode: "decimal" });
  number.setAttribute("aria-label", `${name}${unit ? `, ${unit}` : ""}, as a number`);
  message.id = `${id}-message`;
  message.setAttribute("role", "alert");
  message.hidden = true;
  number.setAttribute("aria-describedby", message.id);
  const marks = [low, high].map((value) => Object.assign(element("span"), { textContent: short(value, 3) }));
  ends.append(...marks);
  trained.setAttribute("aria-hidden", "true");
  ends.setAttribute("aria-hidden", "true");
  track.append(range, trained, ends);
  row.append(label, track, number, message);
  parent.append(row);

  const margin = strict ? 0 : 0.15 * (high - low || 1);
  let limits;
  setLimits(low - margin, high + margin);

  function setLimits(from, to) {
    limits = [from, to];
    range.min = from;
    range.max = to;
    // The middle of a thumb of 16 px runs from 8 px to the width less 8 px.
    const at = (value) => `calc(8px + (100% - 16px) * ${(value - from) / (to - from || 1)})`;
    trained.style.left = at(low);
    trained.style.right = `calc(100% - (${at(high).replace(/^calc/, "")}))`;
    marks[0].style.left = strict ? "0" : at(low);
    marks[1].style.left = strict ? "100%" : at(high);
    marks[0].style.transform = strict ? "" : "translateX(-30%)";
    marks[1].style.transform = strict ? "" : "translateX(-70%)";
  }

  function say(text, isRemark = false) {
    if (message.textContent !== text) message.textContent = text;
    message.classList.toggle("remark", isRemark);
    message.hidden = !text;
    number.setAttribute("aria-invalid", text && strict ? "true" : "false");
  }

  function remark(value) {
    const outside = value < low || value > high;
    say(outside && !strict ? `${name} was from ${short(low)} to ${short(high)} in the training data.` : "", true);
  }

  let shown = NaN;

  function set(value, anyway = false) {
    if (!anyway && value === shown && Number(range.value) === value && !message.textContent) return;
    shown = value;
    if (!strict && (value < limits[0] || value > limits[1])) setLimits(Math.min(value, low - margin), Math.max(value, high + margin));
    range.value = value;
    range.setAttribute("aria-valuetext", `${short(value)}${unit ? ` ${unit}` : ""}`);
    if (document.activeElement !== number || Number(number.value) !== value) number.value = short(value);
    remark(value);
  }

  range.addEventListener("input", () => {
    const moved = Number(range.value);
    const rounded = Number(moved.toPrecision(5));
    const value = strict && (rounded < low || rounded > high) ? Math.min(Math.max(moved, low), high) : rounded;
    set(value);
    change(single(value));
  });
  number.addEventListener("change", () => {
    const typed = number.value.trim() === "" ? NaN : Number(number.value);
    if (!Number.isFinite(typed)) {
      set(shown, true);
      return say(`${name} needs a number; it stays at ${short(shown)}.`);
    }
    if (strict && (typed < low || typed > high)) {
      set(shown, true);
      return say(`${name} must lie from ${short(low)} to ${short(high)} ${unit}, the trained range; ${short(typed)} does not. It stays at ${short(shown)}.`);
    }
    set(typed);
    change(single(typed));
  });
  return { set };
}

function element(tag, name) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  return made;
}
