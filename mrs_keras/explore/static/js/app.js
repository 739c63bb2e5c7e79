// The page's state, what is known beside it, and the requests that follow a change.

import { get, later, newestOnly, post } from "./api.js";
import { initialState, toFragment } from "./state.js";

const KEPT_LATENCIES = 500;

// How long the spectrum rests before it is fitted, ms: a slider that moves needs the processor itself.
const FIT_AFTER = 80;

export class App {
  constructor(model, connection) {
    this.model = model;
    this.connection = connection;
    this.state = initialState(model);
    // shown: { real, imaginary }; fit: { fitted, of, parameters, ... }; noise: of the draw; path: { alpha, spectra,
    // fits }; scan: as the server gives it; band: of the training data.
    this.view = { shown: null, fit: null, noise: null, path: null, scan: null, band: model.training.band ?? null };
    this.latencies = []; // ms from the move of a slider to the picture of its curve
    this.listeners = [];
    this.written = "";
    this.spectrumTask = newestOnly((moved) => this.guarded(() => this.computeSpectrum(moved)));
    this.fitTask = newestOnly((spectrum) => this.guarded(() => this.computeFit(spectrum)));
    this.writeAddress = later(() => this.write(), 200);
    this.fitWaits = false;
    this.fitLater = later(() => {
      this.fitWaits = false;
      this.fitTask(this.view.shown);
    }, FIT_AFTER);
  }

  // `listener(what)` is called after "state", "spectrum", "fit", "path" or "scan" changed.
  listen(listener) {
    this.listeners.push(listener);
  }

  tell(what) {
    for (const listener of this.listeners) listener(what);
  }

  async guarded(task) {
    try {
      await task();
    } catch (error) {
      this.connection.failed(error);
    }
  }

  // Changes the state. What the sliders, or a draw, change needs a new spectrum; `moved` is when a slider moved.
  set(changes, { spectrum = true, moved = null } = {}) {
    Object.assign(this.state, changes);
    this.tell("state");
    this.writeAddress();
    if (spectrum) this.spectrumTask(moved);
  }

  // A slider moved: of a concentration or a latent.
  move(name, index, value) {
    const moved = performance.now(), values = [...this.state[name]];
    values[index] = value;
    this.set({ [name]: values, drawn: false, alpha: null }, { moved });
  }

  async computeSpectrum(moved) {
    const { z, concentrations, alpha, noise, draw } = this.state;
    let shown;
    if (alpha !== null) {
      const path = this.view.path;
      if (!path) return;
      shown = path.spectra[nearest(path.alpha, alpha)];
    } else {
      shown = await post("/api/decode", { z, concentrations });
      if (noise && draw) {
        const added = await this.noiseOf(draw);
        if (added) shown = plus(shown, added);
      }
    }
    this.view.shown = shown;
    this.tell("spectrum");
    if (moved !== null) requestAnimationFrame(() => setTimeout(() => this.took(performance.now() - moved)));
    if (this.model.training.fit) {
      this.fitWaits = true;
      this.fitLater();
    }
  }

  took(milliseconds) {
    this.latencies.push(milliseconds);
    if (this.latencies.length > KEPT_LATENCIES) this.latencies.shift();
    this.tell("latency");
  }

  async computeFit(spectrum) {
    try {
      const { fits } = await post("/api/fit", { spectra: [spectrum], snr: this.state.snr });
      this.view.fit = { ...fits[0], of: spectrum };
      this.view.fitProblem = "";
    } catch (error) {
      if (error.status !== 400) throw error;
      this.view.fit = null;
      this.view.fitProblem = error.message;
    }
    this.tell("fit");
  }

  // The noise that the model adds for a draw, once asked for; null where it adds none.
  async noiseOf(draw) {
    const key = JSON.stringify(draw);
    if (this.view.noise?.key !== key) {
      const { noise } = await post("/api/draw", draw);
      this.view.noise = { key, noise };
    }
    return this.view.noise.noise;
  }

  // Draws latents as `CVAE.generate` does.
  async draw(seed) {
    const draw = { seed, concentrations: [...this.state.concentrations] };
    const { z, noise } = await post("/api/draw", draw);
    this.view.noise = { key: JSON.stringify(draw), noise };
    this.set({ z, draw, drawn: true, alpha: null });
  }

  async reset() {
    const { parts, band, fit } = this.state;
    this.view.scan = this.view.path = null;
    this.state = { ...initialState(this.model), parts, band, fit };
    this.tell("scan");
    this.tell("path");
    await this.draw(0);
  }

  // Restores a state from a link.
  async restore(state) {
    this.state = state;
    this.view.path = this.view.scan = null;
    if (state.draw) await this.guarded(() => this.noiseOf(state.draw));
    if (state.scan) {
      try {
        this.view.scan = await get(`/api/scan?id=${state.scan}`);
      } catch (error) {
        if (error.status !== 404) this.connection.failed(error);
        this.state.scan = null;
        this.view.scanProblem = "The link shows a scan that this server has not seen since it was started. Drop it again.";
      }
    }
    this.tell("state");
    this.tell("scan");
    this.tell("path");
    this.writeAddress();
    await this.spectrumTask(null);
  }

  write() {
    this.written = toFragment(this.state, this.model);
    if (location.hash !== this.written) history.replaceState(null, "", this.written);
  }

  // Asks again for everything, after the model was away.
  refresh() {
    this.spectrumTask(null);
    this.tell("path");
  }

  // Whether what is shown is what the sliders say, and its fit is done.
  get atRest() {
    return this.view.shown !== null && !this.spectrumTask.isBusy() && !this.fitWaits && !this.fitTask.isBusy();
  }

  // What the code for Python needs to know.
  get recipe() {
    const { z, concentrations, draw, drawn, noise, alpha, path, a, b } = this.state;
    if (alpha !== null && a && b) {
      return { kind: "interpolate", z_a: a.z, z_b: b.z, concentrations_a: a.concentrations, concentrations_b: b.concentrations, alpha, path };
    }
    const adds = this.view.noise?.noise && draw;
    if (drawn && (noise || !adds)) return { kind: "generate", concentrations, seed: draw.seed };
    if (noise && adds) return { kind: "decode", z, concentrations, noise: true, drawn_concentrations: draw.concentrations, seed: draw.seed };
    return { kind: "decode", z, concentrations };
  }
}

export function nearest(values, wanted) {
  let best = 0;
  values.forEach((value, index) => { if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = index; });
  return best;
}

function plus(first, second) {
  const sum = (name) => first[name].map((value, index) => value + second[name][index]);
  return { real: sum("real"), imaginary: sum("imaginary") };
}
