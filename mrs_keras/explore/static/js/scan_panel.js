// A scan dropped on the page: sent to this machine's server, encoded, and shown beside its reconstruction.

import { postScan } from "./api.js";
import { short } from "./numbers.js";

const LARGEST = 64 * 2 ** 20;
const byId = (id) => document.getElementById(id);

export function addScanPanel(app) {
  function say(text) {
    byId("scan-message").textContent = text;
    byId("scan-message").hidden = !text;
  }

  async function take(files) {
    say("");
    if (!files.length) return;
    const size = files.reduce((sum, file) => sum + file.size, 0);
    if (size > LARGEST) {
      say(`${files.length === 1 ? `'${files[0].name}' has` : "The files have"} ${short(size / 2 ** 20, 4)} MB; a scan may have at most ${LARGEST / 2 ** 20} MB. Nothing was sent.`);
      return;
    }
    byId("scan-summary").textContent = "Processing the scan.";
    byId("scan-result").hidden = false;
    try {
      const scan = await postScan(files, app.state.concentrations);
      app.view.scan = scan;
      app.view.scanProblem = "";
      app.set({ z: scan.z, concentrations: scan.concentrations, scan: scan.id, draw: null, drawn: false, noise: false, alpha: null });
    } catch (error) {
      say(error.message);
      if (error.status === 503 || error.status === 0) app.connection.failed(error);
    }
    app.tell("scan");
  }

  byId("scan-files").addEventListener("change", (event) => {
    take([...event.target.files]);
    event.target.value = "";
  });
  byId("scan-remove").addEventListener("click", () => {
    app.view.scan = null;
    app.set({ scan: null }, { spectrum: false });
    app.tell("scan");
    byId("scan-files").focus();
  });

  // === Dropped anywhere on the page ===
  let over = 0;
  const isFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const mark = (change) => {
    over = Math.max(0, over + change);
    document.body.classList.toggle("over", over > 0);
  };
  document.addEventListener("dragenter", (event) => { if (isFile(event)) mark(1); });
  document.addEventListener("dragleave", (event) => { if (isFile(event)) mark(-1); });
  document.addEventListener("dragover", (event) => { if (isFile(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    mark(-over);
    take([...event.dataTransfer.files]);
  });

  app.listen((what) => {
    if (what === "scan" || what === "spectrum") show();
    if (what === "scan" && app.view.scanProblem) say(app.view.scanProblem);
  });

  function show() {
    const { scan, shown } = app.view;
    byId("scan-result").hidden = !scan;
    if (!scan) return;
    const { snr, fwhm_naa_hz: width } = scan.numbers;
    const parts = [`${scan.name}: SNR of NAA ${short(snr, 3)}`];
    if (Number.isFinite(width) && width !== null) parts.push(`NAA ${short(width, 3)} Hz wide`);
    if (shown) parts.push(`the model is ${short(misfit(scan, shown), 3)} times the noise off`);
    byId("scan-summary").textContent = `${parts.join(", ")}.`;
    const remarks = [scan.encoded, ...scan.remarks].filter(Boolean);
    byId("scan-remarks").replaceChildren(...remarks.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  }
}

// Root mean square of what is left over, over the noise of the scan.
function misfit({ spectrum, noise_sigma: sigma }, shown) {
  let sum = 0;
  for (const name of ["real", "imaginary"]) spectrum[name].forEach((value, index) => { sum += (value - shown[name][index]) ** 2; });
  return Math.sqrt(sum / (2 * spectrum.real.length)) / sigma;
}
