/** An occlusion view on a fake page, and what tests ask of it. */

import { vi } from "vitest";
import occlusionMap from "../../../src/widgets/occlusion_map";
import type { FakeModel } from "../../support/fakes";
import { serve, stage } from "../../support/kernel";
import { all, frames, one } from "../../support/page";

export const rest = () => vi.advanceTimersByTimeAsync(301);

export const choose = (root: HTMLElement, label: string, value: string) => {
  const element = one<HTMLSelectElement>(root, `select[aria-label='${label}']`);
  element.value = value;
  element.dispatchEvent(new Event("change"));
};

export const open = async (options = {}, state = {}) => {
  const all_ = await stage(occlusionMap, state, options);
  await serve(all_.model);
  return all_;
};

/** With its whole map. */
export const slid = async (options = {}, state = {}) => {
  const all_ = await open(options, state);
  await rest();
  await serve(all_.model);
  await frames();
  return all_;
};

export const maps = (model: FakeModel) => model.gets.filter(({ slot }) => slot === "photo:map");

export const button = (root: HTMLElement) => one<HTMLButtonElement>(root, ".zf-primary");

export const note = (root: HTMLElement) => one(root, ".zf-photo .zf-note").textContent ?? "";

export const legends = (root: HTMLElement) =>
  all(root, ".zf-map-legend").map((e) => e.textContent ?? "");

export const byText = (root: HTMLElement, text: string) => {
  const found = all<HTMLButtonElement>(root, "button").find((e) => e.textContent === text);
  if (!found) throw new Error(`no button ${text}`);
  return found;
};
