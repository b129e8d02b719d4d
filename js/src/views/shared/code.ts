/** A view as the lines of Python that make it. */

import type { SelectionStore } from "../../lib/page/selection_store";
import { FIRST } from "../../lib/wire/constants";
import type { OptionStore } from "./view";

/** A value of JSON as Python writes it. */
export function python(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  const items = Object.entries(value as object);
  return `{${items.map(([name, one]) => `${JSON.stringify(name)}: ${python(one)}`).join(", ")}}`;
}

export function codeOf(selection: SelectionStore, options: OptionStore): string {
  const [layer, channel] = selection.get("unit") ?? [null, null];
  const rule = selection.get("rule");
  const given: [string, unknown][] = [
    ["layer", layer],
    ["channel", channel],
    ["photo", selection.get("photo")],
    ["rule", rule === "deconvnet" ? null : rule],
    ["target", selection.get("target")],
    ["occluder", selection.get("occluder")],
    ["stride", options.get("stride")],
  ];
  for (const name of Object.keys(FIRST) as (keyof typeof FIRST)[]) {
    const value = options.get(name);
    if (value !== FIRST[name]) given.push([name, value]);
  }
  const lines = given
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `    ${name}=${python(value)},\n`);
  return `explorer = zf.Explorer(\n    engine,\n${lines.join("")})\nexplorer\n`;
}
