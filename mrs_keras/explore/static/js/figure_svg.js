// The figure as SVG, for print: light, with axes, a legend and the numbers it was made from.

import { figureOf, legendOf, residualOf } from "./lines.js";
import { short } from "./numbers.js";

const PRINT = { real: "#0064a4", imaginary: "#b25400", magnitude: "#007a57", fit: "#1b2530", scan: "#7a2f6b" };
const [WIDTH, LEFT, RIGHT, TOP, HEIGHT, GAP, SMALL, FONT] = [960, 74, 18, 46, 360, 46, 90, 'font-family="system-ui, Helvetica, Arial, sans-serif"'];

const escaped = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + 1e-9 * step; tick += step) found.push(Number(tick.toPrecision(10)));
  return found;
}

function panel(ppm, range, { lines, bands = [] }, top, height, label, withAxis) {
  const inner = WIDTH - LEFT - RIGHT, inside = ppm.map((value) => value >= range[0] && value <= range[1]);
  const all = [...lines.map((line) => line.values), ...bands.flatMap((band) => [band.low, band.high])].flatMap((values) => values.filter((value, index) => inside[index] && value !== null));
  let low = Infinity, high = -Infinity;
  for (const value of all) { low = Math.min(low, value); high = Math.max(high, value); }
  if (!(high > low)) [low, high] = [-1, 1];
  const pad = 0.06 * (high - low);
  low -= pad; high += pad;
  const x = (value) => LEFT + (inner * (range[1] - value)) / (range[1] - range[0]);
  const y = (value) => top + (height * (high - value)) / (high - low);
  const points = (values, indices) => indices.map((index) => `${x(ppm[index]).toFixed(2)},${y(values[index]).toFixed(2)}`).join(" ");
  const indices = ppm.map((_, index) => index).filter((index) => inside[index]);
  const parts = [`<rect x="${LEFT}" y="${top}" width="${inner}" height="${height}" fill="none" stroke="#8a96a3"/>`];
  for (const tick of ticks(low, high, withAxis || height > 150 ? 6 : 3)) parts.push(`<path d="M${LEFT - 5} ${y(tick)}h5" stroke="#8a96a3"/><text x="${LEFT - 9}" y="${y(tick) + 4}" text-anchor="end" font-size="12">${short(tick)}</text>`);
  for (const tick of ticks(range[0], range[1], 9)) parts.push(`<path d="M${x(tick)} ${top + height}v5" stroke="#8a96a3"/>${withAxis ? `<text x="${x(tick)}" y="${top + height + 19}" text-anchor="middle" font-size="12">${short(tick)}</text>` : ""}`);
  for (const band of bands) parts.push(`<polygon points="${points(band.high, indices)} ${points(band.low, [...indices].reverse())}" fill="${band.fill.slice(0, 7)}" fill-opacity="0.15"/>`);
  for (const line of lines) parts.push(`<polyline points="${points(line.values, indices)}" fill="none" stroke="${line.stroke}" stroke-width="${line.width}"${line.dash?.length ? ` stroke-dasharray="${line.dash.join(" ")}"` : ""} stroke-opacity="${line.alpha ?? 1}" stroke-linejoin="round"/>`);
  parts.push(`<text transform="translate(16 ${top + height / 2}) rotate(-90)" text-anchor="middle" font-size="13">${escaped(label)}</text>`);
  return parts.join("\n");
}

export function figureSvg(state, view, model, caption) {
  const paint = (name) => PRINT[name], figure = figureOf(state, view, paint), residual = residualOf(state, view, paint);
  const ppm = model.ppm, range = state.zoom ?? [ppm[0], ppm[ppm.length - 1]];
  const hasResidual = residual.lines.length > 0, bottom = TOP + HEIGHT + (hasResidual ? GAP - 22 + SMALL : 0);
  const entries = legendOf(figure);
  const wrapped = caption.match(/.{1,125}(?:\s|$)/g) ?? [caption];
  const height = bottom + 50 + 16 * wrapped.length;
  let at = LEFT;
  const legend = entries.map((entry) => {
    const mark = entry.fill ? `<rect x="${at}" y="17" width="22" height="10" fill="${entry.fill.slice(0, 7)}" fill-opacity="0.2"/>` : `<path d="M${at} 22h22" stroke="${entry.stroke}" stroke-width="${entry.width}" stroke-opacity="${Math.max(entry.alpha ?? 1, 0.4)}"${entry.dash?.length ? ` stroke-dasharray="${entry.dash.join(" ")}"` : ""}/>`;
    const text = `<text x="${at + 28}" y="26" font-size="12">${escaped(entry.name)}</text>`;
    at += 46 + 6.4 * entry.name.length;
    return mark + text;
  });
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ${FONT} fill="#1b2530">`,
    `<title>${escaped(`Spectrum by ${model.words}`)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...legend,
    panel(ppm, range, figure, TOP, HEIGHT, "signal (a.u.)", !hasResidual),
    hasResidual ? panel(ppm, range, residual, TOP + HEIGHT + GAP - 22, SMALL, "residual", true) : "",
    `<text x="${LEFT + (WIDTH - LEFT - RIGHT) / 2}" y="${bottom + 38}" text-anchor="middle" font-size="13">chemical shift (ppm)</text>`,
    ...wrapped.map((line, index) => `<text x="${LEFT}" y="${bottom + 56 + 16 * index}" font-size="11" fill="#4d5a68">${escaped(line.trim())}</text>`),
    "</svg>",
  ];
  return { text: parts.join("\n"), width: WIDTH, height };
}

export async function figurePng(svg) {
  const address = URL.createObjectURL(new Blob([svg.text], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * svg.width, 2 * svg.height];
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done) => canvas.toBlob(done, "image/png"));
  } finally {
    URL.revokeObjectURL(address);
  }
}
