import { describe, expect, it, vi } from "vitest";
import explorer from "../../../src/widgets/explorer";
import type { FakeModel } from "../../support/fakes";
import { CATALOGUE, serve, stage } from "../../support/kernel";
import { frames, onFakePage } from "../../support/page";

onFakePage();

const control = (root: HTMLElement, label: string) => {
  const found = root.querySelector<HTMLSelectElement>(`:is(select, input)[aria-label^='${label}']`);
  if (!found) throw new Error(`no control ${label}`);
  return found;
};
const maps = (model: FakeModel) => model.gets.filter(({ slot }) => slot === "photo:map");
/** A widget with its map, in two views. */
async function twice(options: Record<string, unknown> = {}) {
  const staged = await stage(explorer, {}, { stride: 8, auto: true, ...options });
  const el = document.createElement("div");
  document.body.append(el);
  const { model, host, view } = staged;
  await explorer.render({ model, el, signal: view.signal, host } as never);
  const roots = [...document.body.querySelectorAll<HTMLElement>(".zf-root")];
  await settle(model);
  return { ...staged, roots };
}
async function settle(model: FakeModel) {
  await serve(model);
  await vi.advanceTimersByTimeAsync(500);
  await serve(model);
  await frames();
}

describe("options", () => {
  it.each(["whole", "pixels"])("that are on from the start are seen to be: %s", async (name) => {
    const { root } = await stage(explorer, {}, { [name]: true });
    const pressed = (text: string) =>
      [...root.querySelectorAll("button")]
        .find(({ textContent }) => textContent === text)
        ?.getAttribute("aria-pressed");
    expect([pressed("Whole field"), pressed("Pixels")]).toEqual(
      ["whole", "pixels"].map((one) => String(one === name)),
    );
  });

  it.each([
    ["sort", "Sort channels", "silent"],
    ["patches", "What to show", "revealed"],
    ["values", "Values of the projections", "magnitude"],
    ["scale", "Scale of the projections", "one"],
    ["overlay", "Map", "hamming"],
    ["colours", "Colours of the map", "magma"],
    ["opacity", "Opacity of the map", "0.25"],
    ["stride", "Stride", "16"],
    ["stride", "Stride", "7"], // none of the usual ones
  ])("%s, set from Python, is followed by every view", async (name, label, value) => {
    const { model, roots } = await twice();
    expect(roots).toHaveLength(2);
    for (const root of roots) expect(control(root, label).value).not.toBe(value);
    model.set(name, Number.isNaN(Number(value)) ? value : Number(value));
    await settle(model);
    for (const root of roots) expect(control(root, label).value).toBe(value);
  });

  it.each([
    ["sort", "Sort channels", "change", "mean"],
    ["patches", "What to show", "change", "projections"],
    ["values", "Values of the projections", "change", "colour"],
    ["scale", "Scale of the projections", "change", "one"],
    ["overlay", "Map", "change", "total"],
    ["colours", "Colours of the map", "change", "diverging"],
    ["opacity", "Opacity of the map", "input", 0.5],
    ["stride", "Stride", "change", 4],
  ])(
    "%s, changed in a view, comes back and shows in the others",
    async (name, label, event, to) => {
      const { model, roots } = await twice();
      const saves = model.saves;
      const [here, there] = roots as [HTMLElement, HTMLElement];
      control(here, label).value = String(to);
      control(here, label).dispatchEvent(new Event(event));
      await frames();
      expect(model.get(name)).toBe(to);
      expect(model.saves).toBe(saves + 1);
      await settle(model);
      expect(control(there, label).value).toBe(String(to));
    },
  );

  it.each([
    ["whole", "Whole field"],
    ["pixels", "Pixels"],
  ])("%s is a button in every view, pressed here or set from Python", async (name, text) => {
    const { model, roots } = await twice();
    const button = (root: HTMLElement) =>
      [...root.querySelectorAll<HTMLButtonElement>(".zf-toggle")].find(
        ({ textContent }) => textContent === text,
      ) as HTMLButtonElement;
    const pressed = () => roots.map((root) => button(root).getAttribute("aria-pressed"));
    expect(pressed()).toEqual(["false", "false"]);
    button(roots[1] as HTMLElement).click();
    await frames();
    expect(model.get(name)).toBe(true);
    expect(pressed()).toEqual(["true", "true"]);
    model.set(name, false);
    expect(pressed()).toEqual(["false", "false"]);
  });

  it("show in what is drawn and asked for", async () => {
    const { model, roots } = await twice({ overlay: "probability" });
    const root = roots[0] as HTMLElement;
    expect(maps(model).at(-1)?.key).toMatchObject({ stride: 8 });
    const legend = () => root.querySelector(".zf-map-legend")?.textContent ?? "";
    expect(legend()).toContain("over the whole map, of “tiger cat” (75 % without occluder)");
    model.set("overlay", "log_odds");
    await frames();
    expect(legend()).toContain("log-odds of");
    model.set("opacity", 0.3);
    expect(root.querySelector<HTMLElement>(".zf-heat")?.style.opacity).toBe("0.3");
    model.set("stride", 16);
    await settle(model);
    expect(maps(model).at(-1)?.key).toMatchObject({ stride: 16 });
    model.set("patches", "projections");
    expect(root.querySelector<HTMLElement>(".zf-patch-grid")?.dataset.layout).toBe("projections");
    const order = () =>
      [...root.querySelectorAll<HTMLElement>(".zf-tile")]
        .sort(
          (a, b) =>
            Number(a.ariaPosInSet ?? a.getAttribute("aria-posinset")) -
            Number(b.getAttribute("aria-posinset")),
        )
        .map((tile) => tile.dataset.channel);
    const before = order();
    model.set("sort", "mean");
    expect(order()).not.toEqual(before);
    expect([...order()].sort()).toEqual([...before].sort());
  });

  it("start waiting maps by themselves, and hold them back", async () => {
    const { model, selection } = await twice({ auto: false });
    expect(maps(model)).toHaveLength(0);
    model.set("auto", true);
    await settle(model);
    const started = maps(model).length;
    expect(started).toBeGreaterThan(0);
    const occluder = selection.get("occluder") as object;
    selection.set("occluder", { ...occluder, height: 11 });
    model.set("auto", false); // within the rest before it would have started
    await settle(model);
    expect(maps(model)).toHaveLength(started);
  });

  it("can't choose maps of classes that a network doesn't have", async () => {
    const { engine, no_classes } = CATALOGUE;
    expect(engine.model).toBe("Small");
    CATALOGUE.no_classes = "it ends in a map";
    try {
      const { model, roots } = await twice({ overlay: "total" });
      model.set("overlay", "probability");
      await frames();
      for (const root of roots) expect(control(root, "Map").value).toBe("total");
    } finally {
      CATALOGUE.no_classes = no_classes;
    }
  });
});
