/** Numbers for the eye. */

import { decimal, plural, t } from "../language/translate";

/** Three significant digits, no exponent where people don't expect one. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e5) return decimal(value.toExponential(2).replace("e+", "e"));
  if (size < 1e-3) return decimal(value.toExponential(1));
  if (size >= 100) return value.toFixed(0);
  return decimal(String(Number(value.toPrecision(3))));
}

export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  const value = share * 100;
  if (value === 0) return "0 %";
  if (value > 0 && value < 0.1) return `<${decimal("0.1")} %`;
  if (value < 100 && value > 99.9) return `>${decimal("99.9")} %`;
  return `${decimal(value.toFixed(value < 10 ? 1 : 0))} %`;
}

/** A difference with its sign; a real minus, as beside it stands a plus. */
export function signed(difference: number): string {
  if (!Number.isFinite(difference) || difference === 0) return number(difference);
  return `${difference < 0 ? "−" : "+"}${number(Math.abs(difference))}`;
}

/** A difference of two shares, in percentage points. */
export function points(difference: number): string {
  if (!Number.isFinite(difference)) return "–";
  const size = Math.abs(difference) * 100;
  if (size > 0 && size < 0.1) return difference < 0 ? t("<0.1 points down") : t("<0.1 points up");
  const rounded = Number(size.toFixed(size < 10 ? 1 : 0));
  const sign = difference < 0 ? "−" : difference > 0 ? "+" : "";
  const n = `${sign}${decimal(String(rounded))}`;
  return plural(rounded, "{n} point", "{n} points", { n });
}

/** A length of time, roughly; "" if nobody knows it. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  if (seconds < 1) return t("less than 1 s");
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

export function timeLeft(seconds: number | null | undefined): string {
  const time = duration(seconds);
  return time && t("{time} left", { time });
}

/** A number of things: `count(3, "photo")`. Each noun's two forms are texts: "{n} photo". */
export function count(n: number, one: string, many = `${one}s`): string {
  return plural(n, `{n} ${one}`, `{n} ${many}`);
}

/** rows × columns. */
export function extent(size: number | readonly [number, number]): string {
  const [rows, columns] = typeof size === "number" ? [size, size] : size;
  return `${rows}×${columns}`;
}

/** A label's first name: ImageNet's are lists of synonyms. */
export function short(label: string): string {
  return label.split(",")[0] ?? label;
}
