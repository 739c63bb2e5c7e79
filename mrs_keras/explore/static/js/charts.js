// Charts by uPlot: the spectrum with what is drawn around it, residuals, and parameters along a path.

/* global uPlot */

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export const DASHES = { real: [], imaginary: [9, 4], magnitude: [2, 3], fit: [2, 5], scan: [] };

const NARROW = 480; // px, below which axes have no labels

function axes(yLabel) {
  const common = { stroke: colour("muted"), grid: { stroke: colour("grid"), width: 1 }, ticks: { stroke: colour("line"), width: 1, size: 5 }, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif" };
  return [
    { ...common, label: "chemical shift (ppm)", labelSize: 18, size: 32, space: 60 },
    { ...common, label: yLabel, labelSize: 18, size: 54, space: 34, values: (_, ticks) => ticks.map((tick) => (Math.abs(tick) >= 1e4 || (tick && Math.abs(tick) < 1e-2) ? tick.toExponential(0) : String(Number(tick.toPrecision(6))))) },
  ];
}

// A chart over the ppm axis, from right to left. `lines` are { values, stroke, width, dash, alpha } and bands
// { low, high, fill }; they may differ in number from call to call.
export class SpectrumChart {
  constructor(place, { yLabel, onZoom, onCursor, small = false, fixedSigns = false }) {
    Object.assign(this, { place, yLabel, onZoom, onCursor, small, fixedSigns });
    this.chart = null;
    this.shape = "";
    this.range = null;
    this.heights = null;
    new ResizeObserver(() => this.resize()).observe(place);
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (!this.chart || !width || !height) return;
    this.chart.setSize({ width, height });
    this.draw(...this.drawn);
  }

  // Draws anew with other colours.
  restyle() {
    this.shape = "";
    if (this.drawn) this.draw(...this.drawn);
  }

  draw(ppm, lines, bands, range) {
    this.drawn = [ppm, lines, bands, range];
    this.range = range ?? [ppm[0], ppm[ppm.length - 1]];
    const data = [ppm, ...bands.flatMap((band) => [band.low, band.high]), ...lines.map((line) => line.values)];
    this.heights = this.settled(ppm, lines, bands);
    const shape = JSON.stringify([this.place.clientWidth < NARROW, bands.map((band) => band.fill), lines.map(({ values, ...style }) => style)]);
    if (!this.chart || shape !== this.shape) {
      this.chart?.destroy();
      this.chart = new uPlot(this.options(lines, bands), data, this.place);
      this.shape = shape;
    } else {
      this.chart.setData(data, true);
    }
  }

  // The range of the y axis: kept while the lines fill more than half of it, so that a slider moves the curve alone.
  settled(ppm, lines, bands) {
    let low = Infinity, high = -Infinity;
    const inside = (index) => ppm[index] >= this.range[0] && ppm[index] <= this.range[1];
    for (const values of [...lines.map((line) => line.values), ...bands.flatMap((band) => [band.low, band.high])]) {
      values.forEach((value, index) => {
        if (value === null || !inside(index)) return;
        if (value < low) low = value;
        if (value > high) high = value;
      });
    }
    if (!(high > low)) [low, high] = Number.isFinite(low) ? [low - 1, high + 1] : [-1, 1];
    const before = this.heights, zoomed = String(this.range) !== this.heightsOf;
    this.heightsOf = String(this.range);
    if (before && !zoomed && low >= before[0] && high <= before[1] && high - low > 0.5 * (before[1] - before[0])) return before;
    const pad = 0.07 * (high - low);
    return this.fixedSigns ? [-Math.max(-low, high) - pad, Math.max(-low, high) + pad] : [low - pad, high + pad];
  }

  options(lines, bands) {
    const { clientWidth: width, clientHeight: height } = this.place;
    const [x, y] = axes(this.yLabel);
    if (width < NARROW) { x.label = y.label = undefined; y.size = 42; }
    if (this.small) { x.label = undefined; x.size = 24; y.space = 22; }
    return {
      width: Math.max(width, 50),
      height: Math.max(height, 40),
      legend: { show: false },
      padding: [8, 12, 0, 0],
      cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false }, y: false, sync: { key: "ppm", setSeries: false } },
      select: { show: true },
      scales: {
        x: { time: false, dir: -1, range: () => this.range },
        y: { range: () => this.heights },
      },
      axes: [x, y],
      series: [
        {},
        ...bands.flatMap(() => [{ stroke: "transparent", width: 0, points: { show: false } }, { stroke: "transparent", width: 0, points: { show: false } }]),
        ...lines.map((line) => ({ stroke: line.stroke, width: line.width, dash: line.dash?.length ? line.dash : undefined, alpha: line.alpha ?? 1, points: { show: false } })),
      ],
      bands: bands.map((band, index) => ({ series: [2 * index + 2, 2 * index + 1], fill: band.fill })),
      hooks: {
        setSelect: [(chart) => {
          const { left, width: selected } = chart.select;
          if (selected < 4) return;
          const ends = [chart.posToVal(left, "x"), chart.posToVal(left + selected, "x")].sort((a, b) => a - b);
          chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          this.onZoom?.(ends);
        }],
        setCursor: [(chart) => this.onCursor?.(chart.cursor.idx)],
      },
    };
  }

  ppmAt(clientX) {
    const box = this.chart.over.getBoundingClientRect();
    return this.chart.posToVal(clientX - box.left, "x");
  }
}

// A small chart of a parameter along a path, with the straight line between its ends, and where the path stands.
export class PathChart {
  constructor(parent, caption) {
    const figure = document.createElement("figure"), text = document.createElement("figcaption");
    this.place = document.createElement("div");
    this.place.className = "chart";
    text.textContent = caption;
    figure.append(text, this.place);
    figure.setAttribute("role", "img");
    this.figure = figure;
    this.caption = caption;
    parent.append(figure);
    this.alpha = null;
    this.chart = null;
    new ResizeObserver(() => this.resize()).observe(this.place);
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (this.chart && width && height) this.chart.setSize({ width, height });
  }

  draw(alpha, values, unit, at, describe) {
    this.alpha = at;
    this.figure.setAttribute("aria-label", describe);
    const [first, last] = [values[0], values[values.length - 1]];
    const line = alpha.map((share) => (first === null || last === null ? null : first + share * (last - first)));
    const [x, y] = axes(unit);
    x.label = y.label = undefined;
    x.size = 20; y.size = 46; y.space = 22; x.space = 40;
    const style = { points: { show: false } };
    this.chart?.destroy();
    this.chart = new uPlot({
      width: Math.max(this.place.clientWidth, 50),
      height: Math.max(this.place.clientHeight, 40),
      legend: { show: false },
      padding: [6, 8, 0, 0],
      cursor: { show: false },
      scales: { x: { time: false, range: [0, 1] }, y: { range: (_, low, high) => { const pad = 0.08 * (high - low) || Math.max(1e-6, 0.05 * Math.abs(high)); return [low - pad, high + pad]; } } },
      axes: [x, y],
      series: [{}, { ...style, stroke: colour("muted"), width: 1, dash: [3, 3] }, { stroke: colour("real"), width: 1.8, points: { show: true, size: 4, fill: colour("real") } }],
      hooks: { draw: [(chart) => this.mark(chart)] },
    }, [alpha, line, values], this.place);
  }

  move(at) {
    this.alpha = at;
    this.chart?.redraw(false);
  }

  mark(chart) {
    if (this.alpha === null) return;
    const x = chart.valToPos(this.alpha, "x", true), { top, height } = chart.bbox;
    chart.ctx.save();
    chart.ctx.strokeStyle = colour("imaginary");
    chart.ctx.lineWidth = 2 * devicePixelRatio;
    chart.ctx.beginPath();
    chart.ctx.moveTo(x, top);
    chart.ctx.lineTo(x, top + height);
    chart.ctx.stroke();
    chart.ctx.restore();
  }
}
