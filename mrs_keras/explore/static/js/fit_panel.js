// The physical fit: parameters beside what was asked for, with their Cramer-Rao bounds.

import { percent, short } from "./numbers.js";

const byId = (id) => document.getElementById(id);

export function addFitPanel(app) {
  const { training, labels } = app.model;
  byId("fit-words").textContent = training.fit ? training.fit.words : `There is no fit. ${training.missing || training.words}`;
  byId("fit-scroll").hidden = !training.fit;
  byId("snr-label").hidden = !training.fit || training.fit.noisy;
  byId("snr").addEventListener("change", (event) => {
    const snr = Number(event.target.value), right = snr > 0 && Number.isFinite(snr);
    event.target.setAttribute("aria-invalid", right ? "false" : "true");
    if (!right) return;
    app.set({ snr }, { spectrum: false });
    if (app.view.shown) app.fitTask(app.view.shown);
  });

  app.listen((what) => {
    if (what === "state" && app.state.snr !== null && document.activeElement !== byId("snr")) byId("snr").value = app.state.snr;
    if (what === "fit") show();
  });

  function show() {
    const { fit, fitProblem } = app.view;
    if (!fit) {
      byId("fit-summary").textContent = fitProblem ?? "";
      byId("fit-rows").replaceChildren();
      return;
    }
    const asked = new Map(app.state.alpha === null ? labels.map((label, index) => [label.name, app.state.concentrations[index]]) : []);
    byId("fit-summary").textContent = `${percent(fit.distance)} off the physical model; lines ${short(fit.linewidth_hz, 3)} Hz wide; bounds for noise of ${short(fit.noise_sigma, 3)} a.u.${fit.converged ? "" : " The fit did not converge."}`;
    byId("fit-rows").replaceChildren(...fit.parameters.map((parameter) => {
      const row = document.createElement("tr"), name = document.createElement("th");
      name.scope = "row";
      name.textContent = parameter.name;
      const cells = [
        asked.has(parameter.name) ? short(asked.get(parameter.name)) : "",
        short(parameter.value),
        parameter.bound === null ? "∞" : short(parameter.bound, 2),
        parameter.unit,
      ].map((text) => Object.assign(document.createElement("td"), { textContent: text }));
      row.append(name, ...cells);
      return row;
    }));
  }
}
