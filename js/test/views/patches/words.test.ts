import { expect, it } from "vitest";
import type { TopActivation } from "../../../src/lib/wire/protocol";
import { edgeText } from "../../../src/views/patches/words";
import { reachText } from "../../../src/views/picker/layer_words";
import { CATALOGUE } from "../../support/kernel";

const [, layer] = CATALOGUE.layers;
if (!layer) throw new Error("the catalogue has two layers");
const { rows, columns } = layer;

const units = (place: (i: number) => [row: number, col: number], count = 9): TopActivation[] =>
  Array.from({ length: count }, (_, i) => {
    const [row, col] = place(i);
    const box = { top: 0, left: 0, height: 1, width: 1 };
    return { image: i, name: `photo-${i}`, value: 1, row, col, box };
  });

it.each([
  ["left", (i: number) => [i % rows, 0] as [number, number]],
  ["right", (i: number) => [i % rows, columns - 1] as [number, number]],
  ["top", (i: number) => [0, i % columns] as [number, number]],
  ["bottom", (i: number) => [rows - 1, i % columns] as [number, number]],
])("points out that all nine units lie at the %s edge", (_, place) => {
  expect(edgeText(units(place), layer)).toContain("All nine lie at the same edge");
  expect(edgeText(units(place, 8), layer), "fewer may be chance").toBe("");
  const one = units((i) => (i === 4 ? [1, 1] : place(i)));
  expect(edgeText(one, layer), "one lies elsewhere").toBe("");
  expect(edgeText(units(place), { ...layer, rows: 1 }), "all that there is").toBe("");
});

it("gives the least and the most that units of a layer see, where channels differ", () => {
  const fields = Object.fromEntries(CATALOGUE.layers.map((one) => [one.name, reachText(one)]));
  expect(fields["features.3"]).toBe("5×7 – ≤ 11×13");
});
