// Starts the page: waits for the model, builds the controls, and connects them to the state.

import { App } from "./app.js";
import { Connection } from "./connection.js";
import { addFigure } from "./figure.js";
import { addFitPanel } from "./fit_panel.js";
import { short } from "./numbers.js";
import { addPathPanel } from "./path_panel.js";
import { addScanPanel } from "./scan_panel.js";
import { addSlider } from "./sliders.js";
import { fromFragment } from "./state.js";
import { addTakePanel } from "./take_panel.js";
import { followTheme } from "./theme.js";

const byId = (id) => document.getElementById(id);

function addSliders(app) {
  const { model } = app;
  const concentrations = model.labels.map((label, index) => addSlider(byId("concentrations"), {
    ...label, detail: label.unit, strict: true, change: (value) => app.move("concentrations", index, value),
  }));
  byId("concentrations").closest("section").hidden = !model.labels.length;
  const latents = new Array(model.latent_dim);
  for (const latent of latentsOf(model)) {
    const parent = byId(latent.used ? "latents" : "unused-latents");
    latents[latent.index] = addSlider(parent, {
      ...latent, unit: "", strict: false, change: (value) => app.move("z", latent.index, value),
    });
    byId("unused").hidden &&= latent.used;
  }
  app.listen((what) => {
    if (what !== "state") return;
    app.state.concentrations.forEach((value, index) => concentrations[index].set(value));
    app.state.z.forEach((value, index) => latents[index].set(value));
  });
}

// The latents in the order of their sliders; without an analysis, as the model numbers them.
function latentsOf(model) {
  const known = model.training.latents;
  if (!known) {
    byId("latents-help").textContent = `${model.training.words} The latents are neither named nor sorted.`;
    return Array.from({ length: model.latent_dim }, (_, index) => ({ index, name: `z${index}`, detail: "", low: -3, high: 3, used: true }));
  }
  return known.map((latent) => ({
    ...latent,
    detail: latent.factor ? `z${latent.index}: ${latent.factor.replace("imaginary", "imag.")}, ${short(latent.nats, 2)} nats` : `z${latent.index}`,
  }));
}

function addStart(app) {
  const message = byId("start-message");
  const seedOf = () => {
    const seed = byId("seed").value.trim() === "" ? NaN : Number(byId("seed").value);
    const right = Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31;
    message.hidden = right;
    message.textContent = right ? "" : "The seed must be a whole number from 0 to 2,147,483,647.";
    byId("seed").setAttribute("aria-invalid", right ? "false" : "true");
    return right ? seed : null;
  };
  byId("seed").addEventListener("change", () => { const seed = seedOf(); if (seed !== null) app.guarded(() => app.draw(seed)); });
  byId("draw").addEventListener("click", () => app.guarded(() => {
    const seed = Math.floor(Math.random() * 1e6);
    byId("seed").value = seed;
    message.hidden = true;
    return app.draw(seed);
  }));
  byId("reset").addEventListener("click", () => app.guarded(() => app.reset()));
  app.listen((what) => {
    if (what === "state" && app.state.draw && document.activeElement !== byId("seed")) byId("seed").value = app.state.draw.seed;
  });
}

function describe(app) {
  const { model } = app, { acquisition } = model;
  byId("model-words").textContent = `${model.words}, version ${model.version}: ${model.labels.length} ${model.labels.length === 1 ? "label" : "labels"}, ${model.latent_dim} latents, ${short(acquisition.spectrometer_frequency_mhz, 5)} MHz`;
  const { training } = model;
  byId("training-words").textContent = training.known ? `Training data on this page: ${training.words}. ${training.missing ?? ""}` : training.words;
  app.listen((what) => {
    if (what === "latency") byId("latency").textContent = `The last curve took ${short(app.latencies.at(-1), 3)} ms from slider to picture.`;
  });
}

async function openView(app) {
  if (location.hash.length > 1) {
    try {
      await app.restore(fromFragment(location.hash, app.model));
      return;
    } catch (error) {
      app.connection.say(`The link does not fit this model: ${error.message}. A spectrum is drawn instead.`, "Close", () => app.connection.say(""));
    }
  }
  await app.guarded(() => app.draw(0));
}

async function start() {
  const connection = new Connection();
  const model = await connection.model();
  const app = new App(model, connection);
  describe(app);
  addSliders(app);
  addStart(app);
  addFigure(app);
  addFitPanel(app);
  addPathPanel(app);
  addScanPanel(app);
  addTakePanel(app);
  followTheme(app);
  connection.onReturn = () => (app.view.shown ? app.refresh() : openView(app));
  window.addEventListener("hashchange", () => { if (location.hash !== app.written) openView(app); });
  window.explore = app; // for the console, and for tests
  await openView(app);
  connection.look();
}

start().catch((error) => {
  document.getElementById("banner").hidden = false;
  document.getElementById("banner-text").textContent = `The page could not start: ${error.message}`;
  console.error(error);
});
