// Zoom and pan of the ppm axis: keys, buttons, wheel with Ctrl (pinch on a touch pad), shift-drag, touch.

const SMALLEST_PPM = 0.02;

// `figure` is the element; `limits()` gives [lowest, highest] of the data, `now()` what is shown, and `show(range)`
// shows [lowest, highest], or all for null. `ppmAt(x)` is the ppm at a client x.
export function addZoom(figure, { limits, now, show, ppmAt }) {
  function bounded(low, high) {
    const [first, last] = limits();
    const width = Math.min(Math.max(high - low, SMALLEST_PPM), last - first);
    const start = Math.min(Math.max(low, first), last - width);
    return width >= last - first ? null : [start, start + width];
  }
  function zoomBy(factor, centre) {
    const [low, high] = now();
    const middle = centre ?? (low + high) / 2;
    show(bounded(middle - (middle - low) * factor, middle + (high - middle) * factor));
  }
  function pan(share) {
    const [low, high] = now();
    const by = share * (high - low);
    show(bounded(low + by, high + by));
  }
  const actions = {
    "zoom-in": () => zoomBy(0.7),
    "zoom-out": () => zoomBy(1 / 0.7),
    "pan-left": () => pan(0.2), // to the left is to higher ppm
    "pan-right": () => pan(-0.2),
    "zoom-all": () => show(null),
  };
  for (const [id, act] of Object.entries(actions)) document.getElementById(id).addEventListener("click", act);
  const keys = { "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", ArrowLeft: "pan-left", ArrowRight: "pan-right", 0: "zoom-all", Home: "zoom-all" };
  figure.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    actions[keys[event.key]]();
    event.preventDefault();
  });
  figure.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomBy(Math.exp(event.deltaY * 0.01), ppmAt(event.clientX));
  }, { passive: false });
  figure.addEventListener("dblclick", () => show(null));

  // === Shift-drag, and fingers: one pans, two zoom ===
  const held = new Map();
  let start = null;
  const panning = (event) => event.pointerType === "touch" || event.shiftKey;
  figure.addEventListener("pointerdown", (event) => {
    if (!panning(event)) return;
    held.set(event.pointerId, event.clientX);
    start = { shown: now(), at: [...held.values()] };
    figure.setPointerCapture(event.pointerId);
    if (event.pointerType !== "touch") event.preventDefault();
  });
  figure.addEventListener("pointermove", (event) => {
    if (!held.has(event.pointerId)) return;
    held.set(event.pointerId, event.clientX);
    const at = [...held.values()], width = figure.getBoundingClientRect().width, [low, high] = start.shown;
    if (at.length === 1) {
      const by = ((at[0] - start.at[0]) / width) * (high - low);
      show(bounded(low + by, high + by));
    } else if (at.length === 2 && start.at.length === 2) {
      const factor = Math.abs(start.at[0] - start.at[1]) / Math.max(Math.abs(at[0] - at[1]), 10);
      const middle = (low + high) / 2, half = ((high - low) / 2) * factor;
      show(bounded(middle - half, middle + half));
    }
  });
  for (const ended of ["pointerup", "pointercancel"]) {
    figure.addEventListener(ended, (event) => {
      held.delete(event.pointerId);
      start = { shown: now(), at: [...held.values()] };
    });
  }
  // uPlot selects with the mouse; shift-drag is ours.
  figure.addEventListener("mousedown", (event) => { if (event.shiftKey) event.stopImmediatePropagation(); }, true);
}
