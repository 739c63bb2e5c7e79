// The state of the page, which its address holds: a link reopens the same view.

import { single } from "./numbers.js";

export const PARTS = ["real", "imaginary", "magnitude"];

export function initialState(model) {
  return {
    concentrations: startConcentrations(model),
    z: new Array(model.latent_dim).fill(0),
    draw: null, // { concentrations, seed } of the latest draw, whose noise the spectrum can carry
    drawn: false, // whether z and concentrations are still those of the draw
    noise: false,
    parts: ["real"],
    band: true,
    fit: true,
    zoom: null, // [lowest, highest] ppm; null for all
    a: null, // { z, concentrations }
    b: null,
    path: "straight",
    alpha: null, // what is shown of the path; null: the sliders
    scan: null,
    snr: null,
  };
}

export function startConcentrations(model) {
  return model.labels.map((label, index) => {
    const typical = model.training.typical?.[index];
    const value = Number.isFinite(typical) ? typical : (label.low + label.high) / 2;
    return inside(value, label);
  });
}

// Rounded to four digits where that stays inside the trained range.
export function inside(value, label) {
  const bound = Math.min(Math.max(value, label.low), label.high);
  const rounded = Number(bound.toPrecision(4));
  return rounded >= label.low && rounded <= label.high ? rounded : bound;
}

const list = (values) => values.map(single).join(",");
const end = (point) => `${list(point.concentrations)};${list(point.z)}`;

export function toFragment(state, model) {
  const parameters = new URLSearchParams();
  const put = (name, value) => parameters.set(name, value);
  put("model", model.key);
  put("c", list(state.concentrations));
  put("z", list(state.z));
  if (state.draw) put("draw", `${state.draw.seed};${list(state.draw.concentrations)}`);
  if (state.drawn) put("drawn", "1");
  if (state.noise) put("noise", "1");
  put("show", [...state.parts, state.band && "band", state.fit && "fit"].filter(Boolean).join("."));
  if (state.zoom) put("ppm", state.zoom.map((value) => value.toFixed(4)).join(","));
  if (state.a) put("a", end(state.a));
  if (state.b) put("b", end(state.b));
  if (state.path !== "straight") put("path", state.path);
  if (state.alpha !== null) put("alpha", state.alpha);
  if (state.scan) put("scan", state.scan);
  if (state.snr !== null) put("snr", state.snr);
  return `#${parameters.toString().replaceAll("%2C", ",").replaceAll("%3B", ";")}`;
}

// Returns the state of a fragment, or throws an Error that says what is wrong with the link.
export function fromFragment(fragment, model) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const state = initialState(model);
  state.concentrations = numbers(given.get("c"), model.labels.length, "concentrations");
  state.z = numbers(given.get("z"), model.latent_dim, "latents");
  checkRanges(state.concentrations, model);
  if (given.has("draw")) {
    const [seed, concentrations] = given.get("draw").split(";");
    if (!/^\d{1,10}$/.test(seed)) throw new Error("the seed of its draw is no whole number");
    state.draw = { seed: Number(seed), concentrations: numbers(concentrations, model.labels.length, "concentrations") };
    checkRanges(state.draw.concentrations, model);
  }
  state.drawn = state.draw !== null && given.get("drawn") === "1";
  state.noise = state.draw !== null && given.get("noise") === "1";
  const shown = (given.get("show") ?? "real").split(".");
  state.parts = PARTS.filter((part) => shown.includes(part));
  state.band = shown.includes("band");
  state.fit = shown.includes("fit");
  if (given.has("ppm")) {
    const zoom = numbers(given.get("ppm"), 2, "limits of the ppm axis");
    if (zoom[0] < zoom[1]) state.zoom = zoom;
  }
  for (const name of ["a", "b"]) if (given.has(name)) state[name] = point(given.get(name), model);
  state.path = given.get("path") === "geodesic" ? "geodesic" : "straight";
  if (given.has("alpha") && state.a && state.b) {
    const alpha = Number(given.get("alpha"));
    if (alpha >= 0 && alpha <= 1) state.alpha = alpha;
  }
  if (/^[0-9a-f]{16}$/.test(given.get("scan") ?? "")) state.scan = given.get("scan");
  const snr = Number(given.get("snr"));
  if (given.has("snr") && snr > 0) state.snr = snr;
  return state;
}

function numbers(text, count, what) {
  const values = text ? text.split(",").map(Number) : [];
  if (values.length !== count) throw new Error(`it has ${values.length} ${what}, this model ${count}`);
  if (!values.every(Number.isFinite)) throw new Error(`some of its ${what} are no numbers`);
  return values;
}

function checkRanges(values, model) {
  model.labels.forEach((label, index) => {
    const [low, value, high] = [label.low, values[index], label.high].map(Math.fround);
    if (value < low || value > high) {
      throw new Error(`${label.name} must lie from ${label.low} to ${label.high}, and is ${values[index]}`);
    }
  });
}

function point(text, model) {
  const [concentrations, z] = text.split(";");
  const read = {
    concentrations: numbers(concentrations, model.labels.length, "concentrations"),
    z: numbers(z, model.latent_dim, "latents"),
  };
  checkRanges(read.concentrations, model);
  return read;
}
