/** A panel of the nine patches that excite a channel most, and their projections to pixel space. */

import { t } from "../../lib/language/translate";
import { fieldOf } from "../../lib/network/fields";
import { ruleOf } from "../../lib/network/rules";
import { announce, roving } from "../../lib/page/a11y";
import { h } from "../../lib/page/dom";
import { count } from "../../lib/page/format";
import { framePainted, type SelectionStore } from "../../lib/page/selection_store";
import { settledOf } from "../../lib/page/settled";
import { decodePixels } from "../../lib/pictures/pixels";
import { PATCHES } from "../../lib/wire/constants";
import {
  type Answer,
  type Catalogue,
  type Field,
  type Lost,
  type Pair,
  PRIORITY,
  type TopActivation,
} from "../../lib/wire/protocol";
import type { Source } from "../../lib/wire/source";
import { tellLost } from "../shared/lost";
import { popoverButton } from "../shared/popover";
import { Panel } from "../shared/status";
import { type OptionStore, renewable } from "../shared/view";
import { whatTheyShare } from "./about";
import { Ahead } from "./ahead";
import { Covering } from "./covering";
import { whatWasLearned } from "./learned";
import { Cell, HERE } from "./patch_cell";
import { PatchControls } from "./patch_controls";
import type { Subject } from "./projection_card";
import { range } from "./range";
import { aboutColour } from "./shown_values";
import { edgeText, pictures, reading, type Told } from "./words";

/** Until the catalogue is there nothing is shown on it. */
const NO_FIELD: Field = { size: [1, 1], stride: [1, 1], offset: [0, 0], reach: "global" };
/** Until then the old patches stay, dimmed: walking through prefetched channels doesn't flicker. */
const BLANK_MS = 150;

/** What a panel of patches is: the channel's that is chosen, or of one beside it. */
interface Role {
  title: string;
  /** A button of its head, that pins or unpins it; null: it can't be. */
  pin: PinButton | null;
  /** Whether the photo follows it, its patches can be covered, and the chosen photo is looked at. */
  leads: boolean;
}

/** What keeps a panel of patches where it is, or lets it go. */
export interface PinButton {
  element: HTMLButtonElement;
  toggle(): void;
}

export function patchesPanel(
  el: HTMLElement,
  selection: SelectionStore,
  source: Source,
  signal: AbortSignal,
  options: OptionStore,
  role: Role,
): Panel {
  const panel = new Panel(el, "patches", role.title, source, signal);
  const grid = h("div", {
    class: "zf-patch-grid",
    role: "group",
    "aria-label": role.title,
  });
  const about = popoverButton(
    t("Exact?"),
    t("Exact? How these pictures were made"),
    "zf-button zf-exact",
    () => {
      const chosen = cells.find(({ image }) => image !== null && image === selection.get("photo"));
      return [
        ...reading(told(), ruleOf(catalogue, rule())),
        ...((chosen ?? cells[0])?.card(subject()) ?? []),
      ];
    },
  );
  const controls = new PatchControls(selection, options, about);
  const rule = () => selection.get("rule") || "deconvnet";
  const layerNow = () => {
    const name = selection.get("unit")?.[0];
    return catalogue?.layers.find((layer) => layer.name === name) ?? null;
  };
  const subject = (): Subject => ({
    layer: layerNow(),
    channel: selection.get("unit")?.[1] ?? 0,
    rule: ruleOf(catalogue, rule()),
  });
  const cells = Array.from({ length: PATCHES }, (_, rank) => new Cell(rank, subject));
  const covering = new Covering(el, panel, selection, cells, () => redraw());
  covering.button.hidden = !role.leads;
  panel.tools.append(...(role.pin ? [role.pin.element] : []), covering.button, controls.layouts);
  // Read before the pictures: below them it would be off many a screen.
  panel.body.append(controls.how, panel.note, grid);
  /** The channel's strongest place in the chosen photo, where that isn't one of the nine. */
  const here = new Cell(HERE, subject);
  here.element.classList.add("zf-here");
  grid.append(...cells.map((cell) => cell.element));
  const buttons = () => cells.filter(({ image }) => image !== null).map(({ button }) => button);
  const wide = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length || 3;
  const keys = roving(grid, buttons, wide);
  keys.focusable(0);

  const ahead = new Ahead(source, selection, signal);
  const renew = renewable(signal);
  const renewHere = renewable(signal);
  /** Whether there is a kernel to ask, in a view of an Explorer. */
  const looks = role.leads && el.matches(".zf-layout-explorer, .zf-compare-cell");
  let catalogue: Catalogue | null = null;
  /** For the projections on screen: the common scale, and where scales clip. */
  let scale: Pick<Answer<"projections">["data"], "scale" | "brightness" | "clipped_at"> | null =
    null;
  /** Side of the square on which a channel is shown; at first that of the layer's last channel. */
  let focus: { layer: string; side: number } | null = null;
  /** Rows and columns of a patch. */
  let patch: Pair = [1, 1];
  let edge = "";
  /** The channel that the photo has followed; at first that of the start, whatever its photo. */
  let followed = JSON.stringify(selection.get("unit"));
  /** Signal of the request whose patches are on screen. */
  let painted: AbortSignal | null = null;
  let blank: ReturnType<typeof setTimeout> | undefined;

  const clear = () => {
    clearTimeout(blank);
    grid.classList.remove("zf-stale");
    for (const cell of cells) cell.reset();
    redraw();
  };

  /** The end of the scale that all share. */
  const common = () => scale && (controls.values === "brightness" ? scale.brightness : scale.scale);

  const sideNow = (): number | null => {
    const layer = selection.get("unit")?.[0];
    return controls.whole || focus?.layer !== layer ? null : (focus?.side ?? null);
  };

  const redraw = () => {
    const { layout, values, one, pixels } = controls;
    grid.dataset.layout = layout;
    controls.draw();
    const side = sideNow();
    const [rows, columns] = side === null ? patch : patch.map((size) => Math.min(size, side));
    grid.style.setProperty("--zf-aspect", `${columns} / ${rows}`);
    const layer = layerNow();
    const [, ...extent] = catalogue?.engine.input ?? [0, 1, 1];
    const look = {
      layout,
      values,
      scale: one ? common() : null,
      side,
      pixels,
      field: layer ? fieldOf(layer, selection.get("unit")?.[1] ?? 0) : NO_FIELD,
      extent: extent as Pair,
    };
    for (const cell of [...cells, here]) cell.draw(look);
    covering.draw();
    explain();
  };

  const told = (): Told => {
    const { layout, values, one, whole } = controls;
    const own = cells.map((cell) => cell.ownScale(values)).filter((own) => own !== null);
    return {
      layout,
      values,
      one,
      whole,
      side: focus?.side ?? null,
      common: common(),
      own: scale ? own : [],
      clippedAt: scale?.clipped_at ?? null,
      colour: aboutColour(controls.chosen, controls.ofColour),
    };
  };

  const explain = () => {
    const legend = covering.legend();
    const below = h("span", { class: "zf-answers" }, ...legend);
    panel.explain(...pictures(told()), edge, legend.length > 0 ? below : "");
  };

  const mark = () => {
    const photo = selection.get("photo");
    const filled = cells.filter((cell) => cell.image !== null);
    for (const cell of [...cells, here]) cell.mark(photo);
    keys.focusable(
      Math.max(
        0,
        filled.findIndex((cell) => cell.image === photo),
      ),
    );
  };

  /** A photo of the user's own, and any other, is looked at by the channel too. */
  const lookHere = async () => {
    const current = renewHere();
    const [unit, image] = [selection.get("unit"), selection.get("photo")];
    const among = cells.some((cell) => cell.image === image);
    here.element.remove();
    if (!unit || image === null || among || !looks) return;
    const key = { image, layer: unit[0], channel: unit[1], rule: rule() };
    const load = { priority: PRIORITY.projections, signal: current, quiet: true };
    await panel.load("look", key, "here", load, async ({ data, buffers }, fresh) => {
      const found = await Promise.all(buffers.map((buffer) => decodePixels(buffer, data.mime)));
      const activation = data.activations[0];
      if (!fresh() || !activation) return;
      grid.append(here.element);
      here.setPatch(activation, found[0] ?? null);
      here.setProjection(data.projections[0] ?? null, found[1] ?? null);
      here.element.title += data.why ? `. ${data.why}` : "";
      redraw();
      mark();
    });
  };

  const showTop = async (answer: Answer<"top">, fresh: () => boolean, current: AbortSignal) => {
    const { activations, images_seen, mime, so_far } = answer.data;
    const patches = await Promise.all(answer.buffers.map((one) => decodePixels(one, mime)));
    if (!fresh()) return;
    // A channel has one unit an image: what has a place still keeps its projection.
    const kept = new Map(
      cells.map((cell) => [cell.image, painted === current ? cell.takeProjection() : null]),
    );
    painted = current;
    clearTimeout(blank);
    grid.classList.remove("zf-stale");
    const n = activations.length;
    patch = answer.data.patch;
    edge = edgeText(activations, layerNow());
    const fires =
      n === 0
        ? t("fires in none of the images")
        : t("fires in only {images}", { images: count(n, "image") });
    const only =
      images_seen < PATCHES
        ? t("there are only {images}", { images: count(images_seen, "image") })
        : fires;
    const why = so_far ? (n === 0 ? t("hasn't fired so far") : t("not filled so far")) : only;
    cells.forEach((cell, i) => {
      const activation = activations[i];
      if (!activation) {
        cell.setEmpty(i === n ? why : "");
        return;
      }
      if (activation.lost) {
        cell.setLost(activation);
        return;
      }
      cell.setPatch(activation, patches[i] ?? null);
      const projection = kept.get(activation.image);
      if (projection) cell.setProjection(projection.info, projection.picture);
    });
    tellLost(
      el,
      activations.flatMap(({ name, lost }): Lost[] => (lost ? [[name, lost]] : [])),
    );
    redraw();
    mark();
    // What comes with another photo has its own frame: this one is the patches'.
    const rest = framePainted().then(() => {
      if (current.aborted) return;
      follow(activations);
      void lookHere();
    });
    void settledOf(panel.element).during(rest);
  };

  /** The photo follows the channel, unless it is pinned. */
  const follow = (activations: readonly TopActivation[]) => {
    const unit = JSON.stringify(selection.get("unit"));
    const first = activations.find(({ lost }) => !lost);
    const chosen = activations.some(({ image }) => image === selection.get("photo"));
    const room = options.get("room");
    const led = room?.role === "follows" && !room.wanders; // the teacher chooses the photo
    const leads = role.leads && !led;
    if (leads && options.get("photo_follows") && followed !== unit && first && !chosen) {
      selection.set("photo", first.image);
    }
    followed = unit;
  };

  const showProjections = async (
    answer: Answer<"projections">,
    fresh: () => boolean,
    complete: boolean,
  ) => {
    const { projections, mime } = answer.data;
    const found = await Promise.all(answer.buffers.map((buffer) => decodePixels(buffer, mime)));
    if (!fresh()) return;
    scale = answer.data;
    const layer = selection.get("unit")?.[0] ?? "";
    // While projections come in threes the square stays as it is.
    const whole = complete || projections.every((projection) => projection !== null);
    if (whole || focus?.layer !== layer) focus = { layer, side: answer.data.focus };
    if (whole || !controls.ofColour) controls.ofColour = answer.data;
    let next = 0;
    projections.forEach((projection, i) => {
      const picture = projection ? (found[next++] ?? null) : null;
      // While the index is being built patches may have changed places since.
      const cell = projection ? cells.find(({ image }) => image === projection.image) : cells[i];
      if (cell && (projection || complete)) cell.setProjection(projection, picture);
    });
    redraw();
  };

  const open = async () => {
    const unit = selection.get("unit");
    const current = renew();
    const [layer, channel] = unit ?? ["", 0];
    scale = controls.ofColour = null;
    covering.forget();
    panel.title(role.title, unit ? `${layer} : ${channel}` : "");
    explain();
    clearTimeout(blank);
    grid.classList.add("zf-stale");
    if (!unit) {
      ahead.leave();
      clear();
      return panel.explain(t("Choose a layer and a channel."));
    }
    blank = setTimeout(clear, BLANK_MS);
    const now = rule();
    controls.showRule(now);
    const key = { layer, channel, k: PATCHES };
    painted = null;
    // Neither is shown without the other: what failed is asked for with what goes with it.
    const both = { signal: current, again: () => void open() };
    const top = { priority: PRIORITY.patches, ...both };
    const below = { priority: PRIORITY.projections, ...both };
    ahead.reach([layer, channel, now]);
    const shown = panel.load("top", key, "top", top, (answer, fresh) =>
      showTop(answer, fresh, current),
    );
    void shown.then((is) => {
      if (is) covering.askAgain();
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
    ahead.leave();
    if (!(await shown) && !current.aborted) clear();
    const all = (await projected) && (await shown);
    if (current.aborted) return;
    if (!all) for (const cell of cells) cell.giveUp();
    else if (await settledOf(panel.element).during(framePainted().then(() => !current.aborted))) {
      ahead.ask(layerNow()?.channels ?? 0);
    }
  };

  grid.addEventListener("click", (event) => {
    const button = (event.target as Element).closest(".zf-patch");
    const cell = cells.find((one) => one.button === button);
    if (!cell || cell.image === null) return;
    selection.set("photo", cell.image);
    announce(el, t("Photo {name}", { name: cell.label }));
  });
  grid.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const key = event.key.toLowerCase();
    if (key === "p" && role.pin) role.pin.toggle();
    else if (!controls.key(key)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  controls.follow(redraw, signal);
  selection.subscribe("unit", open, signal);
  selection.subscribe("rule", open, signal);
  const photoChanged = () => {
    mark();
    void lookHere();
  };
  selection.subscribe("photo", photoChanged, signal);
  // Below the patches, and asked after them.
  whatTheyShare(panel, selection, signal);
  whatWasLearned(panel, selection, signal);
  range(panel, selection, signal);
  panel.catalogue((answer) => {
    catalogue = answer;
    controls.offer(answer);
    void open();
  });
  return panel;
}
