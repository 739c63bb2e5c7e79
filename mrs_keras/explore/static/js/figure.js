// The figure: spectrum and residual, what is shown, zoom, legend, and the summary that a screen reader hears.

import { later } from "./api.js";
import { SpectrumChart } from "./charts.js";
import { figureOf, legendOf, part, residualOf } from "./lines.js";
import { percent, short } from "./numbers.js";
import { PARTS } from "./state.js";
import { addZoom } from "./zoom.js";

const byId = (id) => document.getElementById(id);

export function addFigure(app) {
  const { ppm } = app.model, first = ppm[0], last = ppm[ppm.length - 1];
  // Rounded as in the address.
  const zoomTo = (range) => app.set({ zoom: range && range.map((end) => Number(end.toFixed(4))) }, { spectrum: false });
  let atCursor = null;
  const onCursor = (index) => {
    atCursor = index ?? null;
    drawLegend();
  };
  const spectrum = new SpectrumChart(byId("plot"), { yLabel: "signal (a.u.)", onZoom: zoomTo, onCursor });
  const residual = new SpectrumChart(byId("residual"), { yLabel: "residual", onZoom: zoomTo, small: true, fixedSigns: true });
  addZoom(byId("plot"), {
    limits: () => [first, last],
    now: () => app.state.zoom ?? [first, last],
    show: zoomTo,
    ppmAt: (x) => spectrum.ppmAt(x),
  });

  // === What is shown ===
  for (const name of PARTS) {
    byId(`show-${name}`).addEventListener("change", () => {
      const parts = PARTS.filter((each) => byId(`show-${each}`).checked);
      if (!parts.length) byId(`show-${name}`).checked = true; // one always shows
      else app.set({ parts }, { spectrum: false });
    });
  }
  byId("show-band").addEventListener("change", (event) => app.set({ band: event.target.checked }, { spectrum: false }));
  byId("show-fit").addEventListener("change", (event) => app.set({ fit: event.target.checked }, { spectrum: false }));
  byId("show-noise").addEventListener("change", (event) => app.set({ noise: event.target.checked }));
  if (!app.view.band) byId("show-band").disabled = true;
  if (!app.model.training.fit) byId("show-fit").disabled = true;

  let drawn = { lines: [], bands: [] }, look = "", legend = "", left = [];

  function draw() {
    const { state, view } = app;
    if (!view.shown) return;
    drawn = figureOf(state, view);
    spectrum.draw(ppm, drawn.lines, drawn.bands, state.zoom);
    drawResidual();
    drawLegend();
    summarise();
  }

  function drawResidual() {
    const { state, view } = app, of = [view.fit, view.scan, view.scan && view.shown, state.parts, state.fit, state.zoom];
    if (of.every((each, index) => each === left[index])) return;
    left = of;
    const { title, lines } = residualOf(state, view);
    byId("residual-title").textContent = title;
    const none = { values: ppm.map(() => 0), stroke: "transparent", width: 1 };
    residual.draw(ppm, lines.length ? lines : [none], [], state.zoom);
  }

  function drawLegend() {
    const text = JSON.stringify([legendOf(drawn), atCursor, atCursor === null ? null : app.view.shown]);
    if (text === legend) return;
    legend = text;
    const entries = legendOf(drawn).map((entry) => {
      const item = document.createElement("li"), svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      Object.entries({ width: 26, height: 10, "aria-hidden": "true" }).forEach(([name, value]) => svg.setAttribute(name, value));
      const shape = document.createElementNS("http://www.w3.org/2000/svg", entry.fill ? "rect" : "path");
      const look = entry.fill
        ? { width: 26, height: 10, fill: entry.fill }
        : { d: "M0 5h26", stroke: entry.stroke, "stroke-width": Math.max(entry.width, 1.5), "stroke-dasharray": (entry.dash ?? []).join(" "), "stroke-opacity": Math.max(entry.alpha ?? 1, 0.4) };
      Object.entries(look).forEach(([name, value]) => value !== "" && shape.setAttribute(name, value));
      svg.append(shape);
      item.append(svg, entry.name);
      return item;
    });
    if (atCursor !== null && app.view.shown) {
      const item = document.createElement("li");
      item.textContent = `at ${ppm[atCursor].toFixed(3)} ppm: ${app.state.parts.map((name) => `${name} ${short(part(app.view.shown, name)[atCursor])}`).join(", ")}`;
      entries.push(item);
    }
    byId("legend").replaceChildren(...entries);
  }

  const summarise = later(() => {
    const magnitude = part(app.view.shown, "magnitude");
    let tallest = 0;
    magnitude.forEach((value, index) => { if (value > magnitude[tallest]) tallest = index; });
    const [low, high] = app.state.zoom ?? [first, last], { fit } = app.view;
    byId("plot-summary").textContent = `${high.toFixed(2)} to ${low.toFixed(2)} ppm; tallest point ${short(magnitude[tallest], 3)} at ${ppm[tallest].toFixed(2)} ppm.`
      + (app.state.fit && fit ? ` ${percent(fit.distance)} off the physical model.` : "");
  }, 250);

  app.listen((what) => {
    if (what === "state") {
      for (const name of PARTS) byId(`show-${name}`).checked = app.state.parts.includes(name);
      byId("show-band").checked = app.state.band && Boolean(app.view.band);
      byId("show-fit").checked = app.state.fit && Boolean(app.model.training.fit);
      byId("show-noise").checked = app.state.noise;
      byId("noise-chip").hidden = !app.view.noise?.noise;
    }
    if (what === "theme") {
      spectrum.restyle();
      left = [];
    }
    // A slider changes the state, and the curve when it is there.
    const now = JSON.stringify([app.state.parts, app.state.band, app.state.fit, app.state.zoom]);
    if (what === "latency" || (what === "state" && now === look)) return;
    look = now;
    draw();
  });
}
