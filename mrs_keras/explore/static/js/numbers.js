// Numbers as text.

export function short(value, digits = 4) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(Math.max(0, digits - 2));
  return String(Number(value.toPrecision(digits)));
}

// The shortest decimal number that is the same float32: what the model sees is what a link and the code say.
export function single(value) {
  const rounded = Math.fround(value);
  for (let digits = 1; digits < 9; digits += 1) {
    const text = Number(rounded.toPrecision(digits));
    if (Math.fround(text) === rounded) return text;
  }
  return rounded;
}

export const percent = (value) => `${short(100 * value, 3)} %`;
