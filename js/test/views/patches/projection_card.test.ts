import { describe, expect, it } from "vitest";
import { ruleOf } from "../../../src/lib/network/rules";
import type { Operation, ProjectionInfo, Status } from "../../../src/lib/wire/protocol";
import { Cell, type Look } from "../../../src/views/patches/patch_cell";
import {
  dependence,
  nearTies,
  projectionCard,
  reachText,
} from "../../../src/views/patches/projection_card";
import { CATALOGUE } from "../../support/kernel";

const rule = (name: string) => ruleOf(CATALOGUE, name);

const operation = (name: string, status: Status, count = 1, note = ""): Operation => ({
  name,
  status,
  count,
  note,
});
const projection = (pools: number, ...operations: Operation[]): ProjectionInfo => ({
  image: 3,
  scale: 0.25,
  brightness: 0.2,
  view: { top: 2, left: 3, height: 7, width: 7 },
  full: 0.5,
  status: operations[0]?.status ?? "paper",
  operations,
  pools,
});
const text = (nodes: (Node | string)[]) =>
  nodes.map((node) => (typeof node === "string" ? node : node.textContent)).join(" | ");

describe("a projection's card", () => {
  it("says through what the picture depends on its image", () => {
    const conv = operation("convolution", "paper", 3);
    expect(dependence(projection(3, conv), rule("deconvnet"))).toContain("switches of 3 max-pools");
    expect(dependence(projection(1, conv), rule("deconvnet"))).toContain("switches of 1 max-pool.");
    expect(dependence(projection(0, conv), rule("deconvnet"))).toContain(
      "every image gives the same",
    );
  });

  it("claims that all images give the same only where that is so", () => {
    const conv = operation("convolution", "paper");
    const gate = operation("sigmoid", "linearised");
    const unknown = operation("MyFunction", "unknown");
    for (const info of [projection(0, gate, conv), projection(0, unknown, conv)]) {
      expect(dependence(info, rule("deconvnet"))).not.toContain("every image");
    }
    for (const name of ["guided", "gradient", "my own"]) {
      expect(dependence(projection(0, conv), rule(name))).toContain("which rectifiers were active");
    }
    expect(dependence(projection(0, conv), rule("my own"))).toContain("may depend");
  });

  it("says from one per cent on how strong a signal passes near ties", () => {
    const info = projection(2, operation("convolution", "paper"));
    const card = (near_ties?: number | null) =>
      text(
        projectionCard(
          0,
          { ...info, near_ties },
          { layer: null, channel: 0, rule: rule("deconvnet") },
        ),
      );
    expect(card(0.01)).toContain("up to 1 % as strong as");
    expect(card(0.237)).toContain("up to 24 % as strong as");
    for (const share of [0.0099, 0, null, undefined]) {
      expect(nearTies({ ...info, near_ties: share })).toBeNull();
      expect(card(share)).not.toContain("Near ties");
    }
  });

  it("says how far the receptive field is known", () => {
    const layer = CATALOGUE.layers[0]!;
    const reach = (of: "exact" | "upper bound" | "global") =>
      reachText({ ...layer.field, reach: of });
    expect(reach("exact")).toBe("exactly 11×13 pixels");
    expect(reach("upper bound")).toContain("at most 11×13 pixels");
    expect(reach("global")).toContain("the whole image");
  });

  it("says what the chosen channel sees, not what those of other branches do", () => {
    const layer = CATALOGUE.layers.find(({ fields }) => fields)!;
    const info = projection(2, operation("convolution", "paper"));
    const field = (channel: number) =>
      text(projectionCard(0, info, { layer, channel, rule: rule("deconvnet") }));
    expect(field(4)).toContain("exactly 5×7 pixels");
    expect(field(5)).toContain("at most 11×13 pixels");
    expect(field(11)).toContain("at most 11×13 pixels");
  });

  it("lists operations with counts and statuses, in words for those who don't see marks", () => {
    const info = projection(2, operation("lrn", "linearised", 2, "frozen"));
    const card = projectionCard(4, info, {
      layer: CATALOGUE.layers[0]!,
      channel: 0,
      rule: rule("deconvnet"),
    });
    expect(text(card)).toContain("Projection 5: linearised");
    expect(text(card)).toContain("lrn× 2linearised: frozen");
    expect(text(card)).toContain("deconvnet (paper)");
    expect(text(card)).toContain("±0.25");
  });

  it("doesn't call a gradient a deconvnet", () => {
    const info = projection(2, operation("convolution", "paper"));
    const card = text(projectionCard(0, info, { layer: null, channel: 0, rule: rule("gradient") }));
    expect(card).toContain("plain gradient");
    expect(card).toContain("unless a row says otherwise, its mark says how a deconvnet would");
  });
});

describe("a projection that is zero everywhere", () => {
  const blank = { ...projection(2, operation("Grad-CAM", "linearised")), blank: true };
  const activation = {
    image: 3,
    name: "owl.jpg",
    value: 2.5,
    row: 1,
    col: 2,
    box: { top: 0, left: 0, height: 11, width: 13 },
  };

  it("says so on its card, in the place of a scale", () => {
    const card = text(
      projectionCard(0, blank, { layer: null, channel: 0, rule: rule("grad-cam") }),
    );
    expect(card).toContain("zero everywhere");
    expect(card).not.toContain("±");
    expect(
      text(
        projectionCard(
          0,
          { ...blank, blank: false },
          { layer: null, channel: 0, rule: rule("grad-cam") },
        ),
      ),
    ).not.toContain("zero everywhere");
  });

  it("says so in its place and to screen readers, until another one comes", () => {
    const cell = new Cell(0, () => ({ layer: null, channel: 0, rule: rule("grad-cam") }));
    const said = cell.element.querySelector<HTMLElement>(".zf-none") as HTMLElement;
    const look: Look = {
      layout: "both",
      values: "brightness",
      scale: null,
      side: null,
      pixels: false,
      field: CATALOGUE.layers[0]!.field,
      extent: [48, 64],
    };
    cell.setPatch(activation, null);
    cell.draw(look);
    expect(said.hidden).toBe(true);

    cell.setProjection(blank, null);
    cell.draw(look);
    expect(said.hidden).toBe(false);
    expect(said.textContent).toBe("zero everywhere");
    expect(cell.button.getAttribute("aria-label")).toContain("zero everywhere");
    const mark = cell.element.querySelector(".zf-status") as HTMLElement;
    expect(mark.getAttribute("aria-label")).toContain("zero everywhere");

    cell.draw({ ...look, layout: "patches" });
    expect(said.hidden).toBe(true);

    cell.setProjection({ ...blank, blank: false }, null);
    cell.draw(look);
    expect(said.hidden).toBe(true);
    expect(cell.button.getAttribute("aria-label")).not.toContain("zero everywhere");

    cell.setProjection(blank, null);
    cell.setPatch(activation, null);
    cell.draw(look);
    expect(said.hidden).toBe(true);
    expect(cell.button.getAttribute("aria-label")).not.toContain("zero everywhere");
  });
});
