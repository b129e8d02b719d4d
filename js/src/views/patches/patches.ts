/** The nine patches that excite the chosen unit most, and their projections to pixel space. */

import { announce, roving } from "../../lib/a11y";
import { baselineText } from "../../lib/baselines";
import { decode } from "../../lib/canvas";
import { gradient } from "../../lib/colour";
import { h, select } from "../../lib/dom";
import { count, number } from "../../lib/format";
import {
  type Answer,
  type Baseline,
  type Catalogue,
  type Covered,
  type Lost,
  PRIORITY,
} from "../../lib/protocol";
import { ruleOf } from "../../lib/rules";
import { tellLost } from "../shared/lost";
import { Panel } from "../shared/status";
import { choice, renewable, type View } from "../shared/view";
import { coverLegend, tellCovers } from "./cover";
import { Cell, LAYOUTS, type Layout, VALUES, type Values } from "./patch_cell";
import { range } from "./range";

const K = 9;
const SCALES = [
  ["one", "one scale"],
  ["own", "a scale each"],
] as const;
/** Until then the old patches stay, dimmed: walking through prefetched channels doesn't flicker. */
const BLANK_MS = 150;

export const patches: View = (el, selection, source, signal, options) => {
  const panel = new Panel(el, "patches", "Strongest patches", source, signal);
  const grid = h("div", {
    class: "zf-patch-grid",
    role: "group",
    "aria-label": "Strongest patches",
  });
  let layout = choice<Layout>(options.get("patches"), LAYOUTS);
  let values: Values = "signed";
  let scales: (typeof SCALES)[number][0] = "one";
  const valuesSelect = select("Values of the projections", VALUES, values, (value) => {
    values = value;
    redraw();
  });
  const scalesSelect = select("Scale of the projections", SCALES, scales, (value) => {
    scales = value;
    redraw();
  });
  const ruleSelect = select("Rule of the projections", [], "", (value: string) =>
    selection.set("rule", value),
  );
  const coverButton = h(
    "button",
    {
      type: "button",
      class: "zf-button zf-toggle",
      "aria-pressed": "false",
      title: "Cover exactly the receptive field of each patch: what remains of the unit?",
      onclick: () => {
        covering = !covering;
        coverButton.setAttribute("aria-pressed", String(covering));
        void cover();
      },
    },
    "Cover the patch",
  );
  const layouts = select("What to show", LAYOUTS, layout, (value) => options.set("patches", value));
  panel.tools.append(coverButton, layouts);
  const how = h("div", { class: "zf-how" }, ruleSelect, valuesSelect, scalesSelect);
  panel.body.append(how, grid);
  range(panel, selection, signal);

  const rule = () => selection.get("rule") || "deconvnet";
  const layerNow = () => {
    const name = selection.get("unit")?.[0];
    return catalogue?.layers.find((layer) => layer.name === name) ?? null;
  };
  const cells = Array.from(
    { length: K },
    (_, rank) =>
      new Cell(rank, () => ({
        layer: layerNow(),
        channel: selection.get("unit")?.[1] ?? 0,
        rule: ruleOf(catalogue, rule()),
      })),
  );
  grid.append(...cells.map((cell) => cell.element));
  const keys = roving(
    grid,
    () => cells.filter((cell) => cell.image !== null).map((cell) => cell.button),
    () => getComputedStyle(grid).gridTemplateColumns.split(" ").length || 3,
  );
  keys.focusable(0);

  const renew = renewable(signal);
  let catalogue: Catalogue | null = null;
  /** Of the projections on screen: the common scale, and where scales clip. */
  let scale: { common: number; clippedAt: number } | null = null;
  /** Of the request whose patches are on screen. */
  let painted: AbortSignal | null = null;
  let covering = false;
  let covered: { baseline: Baseline; covers: Covered[]; partial: boolean } | null = null;
  const renewCover = renewable(signal);
  let blank: ReturnType<typeof setTimeout> | undefined;

  const clear = () => {
    clearTimeout(blank);
    grid.classList.remove("zf-stale");
    for (const cell of cells) cell.reset();
    redraw();
  };

  const redraw = () => {
    grid.dataset.layout = layout;
    valuesSelect.disabled = scalesSelect.disabled = layout === "patches" || layout === "revealed";
    ruleSelect.disabled = layout === "patches";
    const shown = scales === "one" && scale ? scale.common : null;
    for (const cell of cells) cell.draw({ layout, values, scale: shown });
    drawCovers();
    explain();
  };

  const drawCovers = () => {
    const most = Math.max(0, ...cells.map((cell) => cell.cover.most));
    for (const cell of cells) cell.cover.draw(covering && cell.image !== null, most);
  };

  /** The unit's activations with its patches covered, by the occluder's baseline. */
  const cover = async () => {
    const current = renewCover();
    const unit = selection.get("unit");
    covered = null;
    for (const cell of cells) cell.cover.set(null);
    tellCovers(el, []);
    redraw();
    if (!covering || !unit) return;
    const [layer, channel] = unit;
    const baseline = selection.get("occluder")?.baseline ?? "grey";
    const key = { layer, channel, k: K, baseline };
    const load = { priority: PRIORITY.projections, signal: current };
    await panel.load("cover", key, "cover", load, ({ data }, _, complete) => {
      covered = { baseline: data.baseline, covers: data.covers, partial: !complete };
      for (const cell of cells) {
        cell.cover.set(data.covers.find(({ image }) => image === cell.image) ?? null);
      }
      tellCovers(el, data.covers);
      redraw();
    });
  };

  /** The end of the legend's bar, and what it is. */
  const scaleText = (): [end: string, text: string] => {
    if (!scale) return ["", scales === "one" ? "one scale for all" : "each on a scale of its own"];
    const clip = `the ${number(scale.clippedAt)}th percentile of what isn't zero`;
    if (scales === "one") return [number(scale.common), `one scale for all, clipped at ${clip}`];
    const own = cells.map((cell) => cell.ownScale).filter((one) => one !== null);
    const [low, high] = [number(Math.min(...own)), number(Math.max(...own))];
    const range = own.length === 0 ? "" : low === high ? ` (${low})` : ` (${low} to ${high})`;
    return ["own", `each on a scale of its own${range}, clipped at ${clip}`];
  };

  const explain = () => {
    const of =
      covering && covered
        ? coverLegend(baselineText(covered.baseline).name, covered.covers, covered.partial)
        : [];
    const below = h("span", { class: "zf-answers" }, ...of);
    panel.explain(...pictures(), of.length > 0 ? below : "");
  };

  /** What the pictures are. */
  const pictures = (): (Node | string)[] => {
    if (layout === "patches") {
      return ["What the network saw of each image, cut to the unit's receptive field."];
    }
    const answers = h("span", { class: "zf-answers" }, ruleOf(catalogue, rule()).answers);
    if (layout === "revealed") {
      const text = "Each patch, visible where the blurred magnitude of its projection is large. ";
      return [text, answers];
    }
    const [end, scaled] = scaleText();
    const signed = values === "signed";
    const bars = {
      signed: "linear-gradient(to right,#000,#808080,#fff)",
      positive: "linear-gradient(to right,#000,#fff)",
      absolute: gradient("magma"),
    };
    const what = {
      signed: "Signed around mid-grey",
      positive: "What is above zero, in colour",
      absolute: "Magnitude, the largest of the colour channels",
    };
    return [
      legend(bars[values], signed ? `−${end}` : "0", signed ? `+${end}` : end || "+"),
      `${what[values]}; ${scaled}. Strides may leave a checkerboard: that is the method.`,
      answers,
    ];
  };

  const mark = () => {
    const photo = selection.get("photo");
    const filled = cells.filter((cell) => cell.image !== null);
    for (const cell of cells) cell.mark(photo);
    keys.focusable(
      Math.max(
        0,
        filled.findIndex((cell) => cell.image === photo),
      ),
    );
  };

  const showTop = async (answer: Answer<"top">, fresh: () => boolean, current: AbortSignal) => {
    const { activations, images_seen, mime, so_far } = answer.data;
    const bitmaps = await Promise.all(answer.buffers.map((buffer) => decode(buffer, mime)));
    if (!fresh()) return;
    // A channel has one unit an image: what has a place still keeps its projection.
    const kept = new Map(
      cells.map((cell) => [cell.image, painted === current ? cell.takeProjection() : null]),
    );
    painted = current;
    clearTimeout(blank);
    grid.classList.remove("zf-stale");
    const n = activations.length;
    const [rows, columns] = answer.data.patch;
    grid.style.setProperty("--zf-aspect", `${columns} / ${rows}`);
    const fires = n === 0 ? "fires in none of the images" : `fires in only ${count(n, "image")}`;
    const only = images_seen < K ? `there are only ${count(images_seen, "image")}` : fires;
    const why = so_far ? (n === 0 ? "hasn't fired so far" : "not filled so far") : only;
    cells.forEach((cell, i) => {
      const activation = activations[i];
      if (!activation) {
        cell.setEmpty(i === n ? why : "");
        return;
      }
      if (activation.lost) {
        bitmaps[i]?.close();
        cell.setLost(activation);
        return;
      }
      cell.setPatch(activation, bitmaps[i] ?? null);
      const projection = kept.get(activation.image);
      kept.delete(activation.image);
      if (projection) cell.setProjection(projection.info, projection.bitmap);
    });
    for (const gone of kept.values()) gone?.bitmap.close();
    tellLost(
      el,
      activations.flatMap(({ name, lost }): Lost[] => (lost ? [[name, lost]] : [])),
    );
    redraw();
    mark();
  };

  const showProjections = async (
    answer: Answer<"projections">,
    fresh: () => boolean,
    complete: boolean,
  ) => {
    const { projections, mime } = answer.data;
    const bitmaps = await Promise.all(answer.buffers.map((buffer) => decode(buffer, mime)));
    if (!fresh()) return;
    scale = { common: answer.data.scale, clippedAt: answer.data.clipped_at };
    let next = 0;
    projections.forEach((projection, i) => {
      const bitmap = projection ? (bitmaps[next++] ?? null) : null;
      // While the index is being built patches may have changed places since.
      const cell = projection ? cells.find(({ image }) => image === projection.image) : cells[i];
      if (cell && (projection || complete)) cell.setProjection(projection, bitmap);
      else bitmap?.close();
    });
    redraw();
  };

  /** Ask ahead for the channels that an arrow key would lead to. */
  const prefetch = (layer: string, channel: number, rule: string, current: AbortSignal) => {
    const last = (catalogue?.layers.find(({ name }) => name === layer)?.channels ?? 0) - 1;
    for (const neighbour of [channel + 1, channel - 1]) {
      if (neighbour < 0 || neighbour > last) continue;
      const key = { layer, channel: neighbour, k: K };
      const slot = `prefetch:${neighbour > channel ? "next" : "previous"}`;
      source.prefetch("top", key, `${slot}:top`, current);
      source.prefetch("projections", { ...key, rule }, `${slot}:projections`, current);
    }
  };

  const open = async () => {
    const unit = selection.get("unit");
    const current = renew();
    const [layer, channel] = unit ?? ["", 0];
    scale = covered = null;
    renewCover();
    if (covering) tellCovers(el, []);
    panel.title("Strongest patches", unit ? `${layer} : ${channel}` : "");
    explain();
    clearTimeout(blank);
    grid.classList.add("zf-stale");
    if (!unit) {
      clear();
      return panel.explain("Choose a layer and a channel.");
    }
    blank = setTimeout(clear, BLANK_MS);
    const now = rule();
    ruleSelect.value = now;
    const key = { layer, channel, k: K };
    painted = null;
    const top = { priority: PRIORITY.patches, signal: current };
    const below = { priority: PRIORITY.projections, signal: current };
    const shown = panel.load("top", key, "top", top, (answer, fresh) =>
      showTop(answer, fresh, current),
    );
    void shown.then((is) => {
      if (is && covering) void cover();
    });
    const projected = panel.load(
      "projections",
      { ...key, rule: now },
      "projections",
      below,
      async (answer, fresh, complete) => {
        // A projection belongs beside its patch.
        const beside = answer.data.so_far ? painted === current : await shown;
        if (beside) await showProjections(answer, fresh, complete);
      },
    );
    if (!(await shown) && !current.aborted) clear();
    if ((await projected) && (await shown)) prefetch(layer, channel, now, current);
    else if (!current.aborted) for (const cell of cells) cell.giveUp();
  };

  grid.addEventListener("click", (event) => {
    const button = (event.target as Element).closest(".zf-patch");
    const cell = cells.find((one) => one.button === button);
    if (!cell || cell.image === null) return;
    selection.set("photo", cell.image);
    announce(el, `Photo ${cell.label}`);
  });
  const relayout = () => {
    layout = layouts.value = choice<Layout>(options.get("patches"), LAYOUTS);
    redraw();
  };
  options.subscribe("patches", relayout, signal);
  selection.subscribe("unit", open, signal);
  selection.subscribe("rule", open, signal);
  let coverBaseline = selection.get("occluder")?.baseline;
  const fillChanged = () => {
    const baseline = selection.get("occluder")?.baseline;
    if (baseline === coverBaseline) return;
    coverBaseline = baseline;
    if (covering) void cover();
  };
  selection.subscribe("occluder", fillChanged, signal);
  selection.subscribe("photo", mark, signal);
  panel.catalogue((answer) => {
    catalogue = answer;
    ruleSelect.replaceChildren(
      ...answer.rules.map((name) => h("option", { value: name }, ruleOf(answer, name).title)),
    );
    void open();
  });
};

export function legend(background: string, low: string, high: string): HTMLElement {
  return h(
    "span",
    { class: "zf-legend" },
    low,
    h("i", { style: `background:${background}`, "aria-hidden": "true" }),
    high,
  );
}
