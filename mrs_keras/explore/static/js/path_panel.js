// The path between two held spectra: its steps, and what the fit recovers along it.

import { newestOnly, post } from "./api.js";
import { PathChart } from "./charts.js";
import { percent, short, single } from "./numbers.js";

const STEPS = 21, FITTED_AT_ONCE = 7, MOST_CONCENTRATIONS = 6;
const byId = (id) => document.getElementById(id);

export function addPathPanel(app) {
  const alphas = Array.from({ length: STEPS }, (_, index) => index / (STEPS - 1));
  let charts = new Map(), shownFor = "";

  const hold = (name) => () => {
    const { z, concentrations } = app.state;
    app.set({ [name]: { z: [...z], concentrations: [...concentrations] }, alpha: null }, { spectrum: false });
    app.tell("path");
  };
  byId("hold-a").addEventListener("click", hold("a"));
  byId("hold-b").addEventListener("click", hold("b"));
  byId("let-go").addEventListener("click", () => {
    app.view.path = null;
    app.set({ a: null, b: null, alpha: null });
    app.tell("path");
  });
  for (const choice of document.getElementsByName("path")) {
    choice.addEventListener("change", () => {
      app.set({ path: choice.value }, { spectrum: false });
      app.tell("path");
    });
  }
  byId("alpha").addEventListener("input", (event) => {
    const alpha = Number(event.target.value), changes = { alpha, drawn: false };
    if (app.state.path === "straight") {
      for (const name of ["z", "concentrations"]) {
        changes[name] = app.state.a[name].map((value, index) => single((1 - alpha) * value + alpha * app.state.b[name][index]));
      }
    }
    app.set(changes, { moved: performance.now() });
  });

  const keyOf = ({ a, b, path }) => (a && b ? JSON.stringify([a, b, path]) : "");

  const load = newestOnly((key) => app.guarded(async () => {
    const { a, b, path } = app.state;
    say("");
    byId("path-summary").textContent = "Asking the model for the path.";
    let answer;
    try {
      answer = await post("/api/path", { z_a: a.z, z_b: b.z, concentrations_a: a.concentrations, concentrations_b: b.concentrations, alpha: alphas, path });
    } catch (error) {
      if (error.status !== 400) throw error;
      app.view.path = null;
      byId("path-summary").textContent = "";
      return say(error.message);
    }
    if (keyOf(app.state) !== key) return;
    const loaded = { alpha: alphas, spectra: answer.spectra, fits: [], key };
    app.view.path = loaded;
    if (app.state.alpha !== null) app.spectrumTask(null);
    app.tell("steps");
    byId("path-summary").textContent = `${STEPS} steps.`;
    if (app.model.training.fit) await fitAlong(loaded, key);
  }));

  async function fitAlong(path, key) {
    for (let start = 0; start < STEPS; start += FITTED_AT_ONCE) {
      const { fits } = await post("/api/fit", { spectra: path.spectra.slice(start, start + FITTED_AT_ONCE), snr: app.state.snr });
      if (keyOf(app.state) !== key) return;
      path.fits.push(...fits);
      byId("path-summary").textContent = `${STEPS} steps, ${path.fits.length} fitted.`;
    }
    const worst = Math.max(...path.fits.map((fit) => fit.distance));
    byId("path-summary").textContent = `${STEPS} steps; at most ${percent(worst)} off the physical model.`;
    plot(path);
  }

  function plot(path) {
    const values = new Map();
    for (const { name, unit } of path.fits[0].parameters) {
      const along = path.fits.map((fit) => fit.parameters.find((each) => each.name === name).value);
      values.set(name, { unit, along: name === "phi0" ? unwrapped(along) : along });
    }
    const spread = (name) => { const { along } = values.get(name); return Math.max(...along) - Math.min(...along); };
    const labels = app.model.labels.map((label) => label.name).filter((name) => values.has(name));
    labels.sort((first, second) => spread(second) - spread(first));
    const names = ["gamma", "sigma", "phi0", "eps", ...labels.slice(0, MOST_CONCENTRATIONS)];
    byId("path-charts").replaceChildren();
    charts = new Map();
    for (const name of names) {
      const { unit, along } = values.get(name);
      const chart = new PathChart(byId("path-charts"), `${name} (${unit})`);
      chart.draw(alphas, along, unit, app.state.alpha, `${name}, ${unit}, along the path: from ${short(along[0])} to ${short(along.at(-1))}, between ${short(Math.min(...along))} and ${short(Math.max(...along))}.`);
      charts.set(name, chart);
    }
  }

  function say(text) {
    byId("path-message").textContent = text;
    byId("path-message").hidden = !text;
  }

  function show() {
    const { a, b, path, alpha } = app.state, both = Boolean(a && b);
    byId("let-go").disabled = !a && !b;
    byId("path-controls").hidden = !both;
    byId("path-words").textContent = both
      ? "The faint lines are the steps of the path; the dotted lines in the small figures are straight. On a straight line the sliders follow."
      : a || b ? `${a ? "A" : "B"} is held. Change the spectrum, and hold it as ${a ? "B" : "A"}.` : "Hold this spectrum as A, change it, hold another as B, and slide between them.";
    for (const choice of document.getElementsByName("path")) choice.checked = choice.value === path;
    if (alpha !== null) byId("alpha").value = alpha;
    byId("alpha").setAttribute("aria-valuetext", alpha === null ? "not shown" : `${short(100 * alpha, 3)} % of the way from A to B`);
    for (const chart of charts.values()) chart.move(alpha);
  }

  app.listen((what) => {
    if (what === "state") show();
    if (what !== "path") return;
    show();
    const key = keyOf(app.state);
    if (!key) {
      shownFor = "";
      app.view.path = null;
      charts = new Map();
      byId("path-charts").replaceChildren();
      say("");
      app.tell("steps");
    } else if (key !== shownFor || !app.view.path) {
      shownFor = key;
      load(key);
    }
  });
  app.listen((what) => { if (what === "theme" && app.view.path?.fits.length === STEPS) plot(app.view.path); });
}

function unwrapped(phases) {
  const found = [phases[0]];
  for (const phase of phases.slice(1)) {
    const before = found.at(-1);
    found.push(phase + 2 * Math.PI * Math.round((before - phase) / (2 * Math.PI)));
  }
  return found;
}
