// What the figure shows, as lines and bands: for the charts on the page, and for the figure that is saved.

import { DASHES, colour } from "./charts.js";

const WIDTHS = { shown: 2.2, fit: 1.6, scan: 1.3, step: 1 };

export function part(spectrum, name) {
  if (name === "real" || name === "imaginary") return spectrum[name];
  return spectrum.real.map((value, index) => Math.hypot(value, spectrum.imaginary[index]));
}

const difference = (first, second, name) => {
  if (name === "magnitude") return part(first, name).map((value, index) => value - part(second, name)[index]);
  return first[name].map((value, index) => value - second[name][index]);
};

// Returns { lines, bands }; `view` has what is known beside the state: shown, fit, scan, path, band.
export function figureOf(state, view, paint = colour) {
  const lines = [], bands = [];
  const add = (values, name, stroke, width, dash = [], alpha = 1) => lines.push({ values, name, stroke, width, dash, alpha });
  for (const name of state.parts) {
    const stroke = paint(name);
    if (state.band && view.band) {
      const [low, high] = view.band[name];
      bands.push({ low, high, fill: `${stroke}26`, name: `training data, ${name}, 5 to 95 %` });
    }
    if (view.path) view.path.spectra.forEach((step) => add(part(step, name), `path, ${name}`, stroke, WIDTHS.step, DASHES[name], 0.22));
    if (view.scan) add(part(view.scan.spectrum, name), `scan, ${name}`, paint("scan"), WIDTHS.scan, DASHES[name]);
    if (view.shown) add(part(view.shown, name), name, stroke, WIDTHS.shown, DASHES[name]);
    // While a slider moves, the latest fit is of an earlier spectrum.
    if (state.fit && view.fit?.of === view.shown) add(part(view.fit.fitted, name), "fit", paint("fit"), WIDTHS.fit, DASHES.fit);
  }
  return { lines, bands };
}

// Returns { title, lines } of what is left over: of a scan by the model, else of the spectrum by the fit.
export function residualOf(state, view, paint = colour) {
  const of = view.scan ? [view.scan.spectrum, view.shown] : state.fit && view.fit ? [view.fit.of, view.fit.fitted] : null;
  if (!of || !of[0] || !of[1]) return { title: "Residual", lines: [] };
  return {
    title: view.scan ? "Residual: the scan less the model" : "Residual: the spectrum less its fit",
    lines: state.parts.map((name) => ({ values: difference(of[0], of[1], name), name, stroke: paint(name), width: 1.3, dash: DASHES[name], alpha: 1 })),
  };
}

// Entries of a legend, each line name once: { name, stroke, dash, width, alpha, fill }.
export function legendOf({ lines, bands }) {
  const seen = new Map();
  for (const band of bands) seen.set(band.name, { name: band.name, fill: band.fill });
  for (const line of lines) if (!seen.has(line.name)) seen.set(line.name, { ...line, values: undefined });
  return [...seen.values()];
}
