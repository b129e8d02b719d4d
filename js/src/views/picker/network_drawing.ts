/** A network's picture as elements: options of a listbox over lines and frames. */

import { plural, t } from "../../lib/language/translate";
import { h, svg as s } from "../../lib/page/dom";
import type { Layer } from "../../lib/wire/protocol";
import { layerText } from "./layer_words";
import { IMAGE, type Part } from "./network_parts";
import type { Box, Picture, Placed } from "./network_picture";

/** What can be chosen. */
export interface Item {
  layer: Layer;
  /** Number of the part that it belongs to. */
  part: number;
  element: HTMLElement;
}

export interface Drawn {
  element: HTMLElement;
  /** In the order of the forward pass. */
  items: Item[];
  /** By part: the lines that begin or end there. */
  lines: Map<number, SVGElement[]>;
}

export function draw(parts: readonly Part[], picture: Picture): Drawn {
  const items: Item[] = [];
  const others: HTMLElement[] = [];
  for (const placed of picture.placed) {
    const part = parts[placed.part];
    if (placed.part === IMAGE || !part) {
      others.push(
        h("div", { class: "zf-image", style: css(placed.cell), ...HIDDEN }, ...inner(placed)),
      );
      continue;
    }
    const { layer, rectifier } = part;
    items.push({ layer, part: placed.part, element: option(part, placed) });
    if (rectifier && placed.rectifier)
      items.push({
        layer: rectifier,
        part: placed.part,
        element: cap(rectifier, placed.rectifier),
      });
  }
  const lines = new Map<number, SVGElement[]>();
  const drawing = drawLines(picture, parts, lines);
  const element = h(
    "div",
    {
      class: "zf-network",
      role: "presentation",
      style: `width:${picture.width}px;height:${picture.height}px`,
    },
    ...picture.frames.map(frame),
    drawing,
    ...others,
    ...items.map((item) => item.element),
  );
  return { element, items, lines };
}

const HIDDEN = { "aria-hidden": "true" };

function option(part: Part, placed: Placed): HTMLElement {
  const { layer, block, inside, within } = part;
  const output = within.at(-1) === layer.name ? [t("output of its block")] : [];
  const closed = block
    ? [
        plural(inside.length, "block {block} of {n} layer", "block {block} of {n} layers", {
          block,
        }),
        t("Enter opens it"),
      ]
    : [];
  const text = [layerText(layer), ...output, ...closed].join(" · ");
  return h(
    "div",
    selectable(
      layer,
      `zf-role-${block ? "block" : layer.role}${placed.text === undefined ? "" : " zf-beside"}`,
      text,
      placed.cell,
    ),
    ...inner(placed, block),
  );
}

/** What makes an element one of the layers to choose from. */
function selectable(layer: Layer, classes: string, text: string, box: Box) {
  return {
    class: `zf-layer ${classes}`,
    role: "option",
    tabindex: -1,
    "aria-selected": "false",
    title: text,
    "aria-label": text,
    "data-layer": layer.name,
    style: css(box),
  };
}

/** The rectangle and its texts, in a cell. */
function inner(placed: Placed, block = ""): (HTMLElement | string)[] {
  const { cell, glyph, text, label, reach } = placed;
  const at = { ...glyph, x: glyph.x - cell.x, y: glyph.y - cell.y };
  const texts = h(
    "span",
    { class: "zf-layer-texts", ...(text !== undefined && { style: `left:${text.toFixed(1)}px` }) },
    h(
      "span",
      { class: "zf-layer-name" },
      block && h("span", { class: "zf-opens", title: t("Open {block}", { block }) }),
      // Cut where it is too long at its start: layers differ at the end of their names.
      h("span", {}, h("bdi", { dir: "ltr" }, label)),
    ),
    h("span", { class: "zf-layer-field", "data-reach": reach }),
  );
  return [h("span", { class: `zf-glyph${block ? " zf-stack" : ""}`, style: css(at) }), texts];
}

/** A rectifier, as a bar right of what it rectifies. */
function cap(layer: Layer, box: Box): HTMLElement {
  const text = layerText(layer);
  const around = { x: box.x, y: box.y - 4, width: box.width + 4, height: box.height + 8 };
  return h(
    "div",
    selectable(layer, `zf-cap zf-role-${layer.role}`, text, around),
    h("span", { class: "zf-glyph", style: css({ ...box, x: 0, y: 4 }) }),
  );
}

function frame({ block, box }: Picture["frames"][number]): HTMLElement {
  return h(
    "div",
    { class: "zf-block", role: "presentation", style: css(box) },
    h(
      "span",
      {
        class: "zf-block-name",
        "data-block": block,
        title: t("Close {block}", { block }),
        ...HIDDEN,
      },
      `▾ ${block}`,
    ),
  );
}

function drawLines(
  picture: Picture,
  parts: readonly Part[],
  ends: Map<number, SVGElement[]>,
): SVGElement {
  const svg = s("svg", {
    class: "zf-lines",
    width: picture.width,
    height: picture.height,
    "aria-hidden": "true",
  });
  for (const { from, to, path } of picture.lines) {
    const line = s("path", { class: "zf-line", d: path });
    svg.append(line);
    for (const part of [from, to]) ends.set(part, [...(ends.get(part) ?? []), line]);
  }
  for (const { part, join } of picture.placed)
    if (join) svg.append(...sign(join, parts[part]?.layer.joined));
  return svg;
}

/** How what is read comes together: +, ×, ‖, or just a point. */
function sign({ x, y }: { x: number; y: number }, joined: Layer["joined"]): SVGElement[] {
  const strokes = {
    sum: "M-3 0H3M0-3V3",
    product: "M-2-2L2 2M2-2L-2 2",
    concatenation: "M-1.3-3V3M1.3-3V3",
    other: "M-1 0H1",
  };
  return [
    s("circle", { class: "zf-join", cx: x, cy: y, r: 5 }),
    s("path", {
      class: "zf-join",
      d: strokes[joined ?? "other"],
      transform: `translate(${x} ${y})`,
    }),
  ];
}

function css({ x, y, width, height }: Box): string {
  const px = (value: number) => `${value.toFixed(1)}px`;
  return `left:${px(x)};top:${px(y)};width:${px(width)};height:${px(height)}`;
}
