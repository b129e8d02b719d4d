/** The chosen photo, an occluder over it, and the maps of what the occluder does. */

import { t } from "../../lib/language/translate";
import { artefact } from "../../lib/occlusion/baselines";
import { cellAt } from "../../lib/occlusion/grid";
import { namesOf } from "../../lib/occlusion/map_kinds";
import { announce } from "../../lib/page/a11y";
import { buttonOf, h, nameIn } from "../../lib/page/dom";
import { short } from "../../lib/page/format";
import { place, pointed } from "../../lib/pictures/boxes";
import { paintPicture } from "../../lib/pictures/canvas";
import { decodePixels } from "../../lib/pictures/pixels";
import { FIRST, PATCHES } from "../../lib/wire/constants";
import type { Catalogue, Key, Pair } from "../../lib/wire/protocol";
import { PRIORITY } from "../../lib/wire/protocol";
import { onCovers } from "../patches/cover";
import { takesDrops } from "../photos/intake";
import { popoverButton } from "../shared/popover";
import { Panel } from "../shared/status";
import { choice, renewable, type View } from "../shared/view";
import { Compare } from "./compare";
import { exportMenu } from "./export";
import { COLOURS, HeatMap, type Look, OVERLAYS, type Overlay } from "./heatmap";
import { Live } from "./live";
import { MapControls } from "./map_controls";
import { MapRun } from "./map_run";
import { defaultOccluder, occluderHandle } from "./occluder";
import { occluderPanel } from "./occluder_panel";
import { PhotoRow } from "./photo_row";
import { Pins } from "./pins";
import { shapeDrawing } from "./shape_drawing";

export const photo: View = (el, selection, source, signal, options) => {
  const panel = new Panel(el, "photo", t("Photo"), source, signal);
  const map = h("section", {
    class: "zf-panel zf-map",
    "aria-label": nameIn(el, t("Occlusion map")),
  });
  map.hidden = source.noMaps === true;
  el.append(map);
  signal.addEventListener("abort", () => map.remove(), { once: true });
  const picture = h("canvas", { class: "zf-photo-picture", role: "img", "aria-label": t("Photo") });
  const field = h("div", { class: "zf-field", hidden: true });
  const moved = h("div", { class: "zf-moved", hidden: true });
  const stage = h("div", { class: "zf-stage" }, picture);
  stage.classList.toggle("zf-no-maps", source.noMaps === true);
  const look: Look = {
    overlay: choice<Overlay>(options.get("overlay"), OVERLAYS),
    colours: choice(options.get("colours"), COLOURS),
    opacity: options.get("opacity") ?? FIRST.opacity,
  };
  takesDrops(stage, signal);
  let catalogue: Catalogue | null = null;
  let extent: Pair | null = null;
  let name = "";
  const names = namesOf(() => catalogue?.classes ?? []);
  const heat = new HeatMap(
    names,
    () => look,
    (box) => occluder.put(box),
  );
  const pins = new Pins(names);
  stage.append(heat.left.element, heat.right.element, field, moved, pins.marks, heat.cursor);
  const renewPhoto = renewable(signal);
  const renewField = renewable(signal);

  const changes = {
    restyled() {
      heat.draw();
      update();
      changed();
      row.redraw();
    },
    faded() {
      heat.draw();
      row.redraw();
    },
    asked: () => update(),
  };
  const controls = new MapControls(look, options, changes, signal);

  // ------------------------------------------------------------ what the map is of

  const extentNow = (): Pair => extent ?? [224, 224];
  const pass = (): Omit<Key<"occlusion">, "image" | "stride"> | null => {
    if (!selection.get("occluder")) return null;
    const { height, width, baseline, mask, extra_boxes } = {
      ...defaultOccluder(extentNow()),
      ...selection.get("occluder"),
    };
    const [layer, channel] = selection.get("unit") ?? [null, null];
    const about = {
      target: selection.get("target"),
      layer,
      channel: controls.chosen ? channel : null,
    };
    return { height, width, baseline, mask, extra_boxes, ...about };
  };
  const wanted = (): { key: Key<"occlusion">; overlay: Overlay } | null => {
    const image = selection.get("photo");
    if (image === null || !extent || stage.dataset.photo !== String(image)) return null;
    const now = pass();
    return now && { key: { image, stride: controls.stride, ...now }, overlay: look.overlay };
  };

  const sink = {
    get grids() {
      return heat.grids;
    },
    set(answer: Parameters<HeatMap["set"]>[0], key: Key<"occlusion">) {
      const first = heat.grids === null;
      heat.set(answer, key, extentNow());
      if (first && answer.data.no_classes) controls.noClasses(answer.data.no_classes);
      changed();
    },
    clear() {
      heat.clear();
      changed();
    },
    stale(is: boolean) {
      stage.classList.toggle("zf-stale-map", is);
    },
  };
  const run = new MapRun(panel, () => options.get("auto") !== false, wanted, sink, signal);

  const occluder = occluderHandle(
    stage,
    selection,
    () => controls.stride,
    (row, col) => pin(row, col),
    signal,
  );
  const drawing = shapeDrawing(stage, occluder, signal);
  const covering = occluderPanel(occluder, drawing);
  const compare = new Compare(
    stage,
    heat,
    () => look.overlay,
    () => {
      heat.draw();
      explain();
    },
    signal,
  );
  const live = new Live(
    panel,
    selection,
    () => look,
    () => pass()?.channel ?? null,
    names,
  );
  const row = new PhotoRow(panel, selection, () => look, pass, extentNow, names, signal);

  /** The pixels of the map, or what it is, have changed. */
  const changed = () => {
    pins.show(heat.grids, extentNow());
    compare.update();
    explain();
  };

  const update = () => {
    live.update();
    run.update();
    row.update();
  };

  const explain = () => {
    const { grids } = heat;
    const legend = heat.legends[0];
    const parts = [
      legend
        ? legend.reading
        : source.noMaps
          ? t("This report holds no occlusion map; a kernel computes it.")
          : look.overlay === "none"
            ? t("Drag the occluder: the bars show what the network thinks then.")
            : t("Drag the occluder, or compute what it does everywhere: Compute map."),
    ];
    if (grids?.data.no_classes)
      parts.push(t("No map of classes: {why}.", { why: grids.data.no_classes }));
    if (grids?.data.note) parts.push(t("Full passes: {why}.", { why: grids.data.note }));
    const unit = selection.get("unit");
    if (!field.hidden && unit)
      parts.push(t("Dashed: where channel {channel} fires most.", { channel: unit[1] }));
    if (!moved.hidden) parts.push(moved.title);
    panel.explain(parts.join(" ").replace(/\.\.(?= |$)/g, "."));
  };

  /** What else is to be known of a map. */
  const reading = (): Node[] => {
    const legend = heat.legends[0];
    const parts = [
      legend
        ? t("Each cell shows this when the occluder is centred there: {what}.", {
            what: legend.what,
          })
        : "",
      artefact(occluder.now().baseline),
      t("At the border the image cuts the occluder."),
      t("Click a place to pin it: what the occluder does there is kept in a table."),
    ];
    return [h("h4", {}, t("How to read the map")), ...parts.map((text) => h("p", {}, text))];
  };

  /** Pin the place, with the occluder on its cell: what the bars show is what is pinned. */
  const pin = (row: number, col: number) => {
    const { grids } = heat;
    if (!grids || !heat.visible) {
      const { height, width } = occluder.now();
      occluder.put({ top: row - height / 2, left: col - width / 2, height, width });
      return;
    }
    const cell = cellAt(row, col, grids.data.stride, grids.grid);
    const [down, right] = grids.data.stride;
    const middle = (at: number, step: number, most: number) =>
      Math.min(at * step + Math.floor(step / 2), most - 1);
    const [rows, columns] = extentNow();
    const added = pins.toggle([middle(cell[0], down, rows), middle(cell[1], right, columns)]);
    occluder.put(grids.box(cell));
    const at = { row: cell[0], col: cell[1] };
    announce(
      stage,
      added ? t("Pinned: cell {row}, {col}", at) : t("No longer pinned: cell {row}, {col}", at),
    );
  };

  // ------------------------------------------------------------ photo and receptive field

  const showField = async () => {
    const current = renewField();
    field.hidden = true;
    explain();
    const [unit, image] = [selection.get("unit"), selection.get("photo")];
    if (!unit || image === null || !extent) return;
    const [layer, channel] = unit;
    const size = extent;
    const load = { priority: PRIORITY.patches, signal: current, quiet: true };
    await panel.load("top", { layer, channel, k: PATCHES }, "field", load, ({ data }) => {
      const activation = data.activations.find((one) => one.image === image);
      field.hidden = !activation;
      if (!activation) return;
      field.title = t("Receptive field of {layer} : {channel} at row {row}, column {col}", {
        layer,
        channel,
        row: activation.row,
        col: activation.col,
      });
      place(field, activation.box, size);
      explain();
    });
  };

  const showOccluder = () => {
    if (!extent) return;
    occluder.show(extent);
    covering.show(extent);
    drawing.changed(extent);
    controls.fit(extent);
    update();
    explain();
  };

  const open = () => {
    const image = selection.get("photo");
    const current = renewPhoto();
    if (image === null) {
      panel.explain(t("Choose a photo: click one of the patches."));
      return;
    }
    stage.dataset.photo = "";
    stage.classList.add("zf-stale");
    field.hidden = moved.hidden = true;
    pins.clear();
    compare.forget();
    update();
    explain();
    const load = { priority: PRIORITY.patches, signal: current };
    void panel.load("photo", { image }, "photo", load, async ({ data, buffers }, fresh) => {
      if (!buffers[0]) return;
      const pixels = await decodePixels(buffers[0], data.mime);
      if (!fresh()) return;
      paintPicture(picture, pixels);
      extent = [data.rows, data.columns];
      stage.dataset.photo = String(image);
      stage.classList.remove("zf-stale");
      stage.style.setProperty("--zf-aspect", `${data.columns} / ${data.rows}`);
      name = data.name;
      const full = data.label ? `${data.name} · ${short(data.label)}` : data.name;
      picture.setAttribute("aria-label", t("Photo {name}", { name: full }));
      panel.title(t("Photo"), full);
      showOccluder();
      showMoved();
      void showField();
    });
  };

  const covers = onCovers(el, signal, () => showMoved());
  const showMoved = () => {
    const image = selection.get("photo");
    const found = covers().find((one) => one.image === image);
    moved.hidden = !found || !extent || stage.dataset.photo !== String(image);
    if (found && extent && !moved.hidden) {
      place(moved, found.moved.box, extent);
      moved.title = found.text;
    }
    explain();
  };

  // ------------------------------------------------------------ panel, pointer and keys

  const screen = () => ({
    stage,
    extent: extentNow(),
    photo: picture,
    grids: heat.visible ? heat.grids : null,
    kind: look.overlay === "none" ? null : look.overlay,
    legends: heat.legends,
    note: `${t("Occluder")}: ${artefact(occluder.now().baseline)}`,
    name,
  });
  const keep = buttonOf(t("Keep photo"), {
    class: "zf-button zf-toggle",
    title: t("Keep this photo when another channel is chosen"),
    onclick: () => options.set("photo_follows", !options.get("photo_follows")),
  });
  const showKeep = () => {
    keep.hidden =
      options.get("photo_follows") === null || options.get("photo_follows") === undefined;
    keep.setAttribute("aria-pressed", String(options.get("photo_follows") === false));
  };
  showKeep();
  options.subscribe("photo_follows", showKeep, signal);
  panel.tools.append(
    keep,
    popoverButton("i", t("How to read the map"), "zf-info", reading),
    exportMenu(screen, names),
  );
  panel.body.append(
    stage,
    drawing.bar,
    h("div", { class: "zf-under-stage" }, heat.key, live.element, heat.readout),
  );
  map.append(
    h("div", { class: "zf-controls zf-go" }, run.button, controls.strides, run.progress),
    ...controls.rows,
    covering.fold.element,
    compare.fold.element,
    pins.fold.element,
    row.fold.element,
  );

  stage.addEventListener("pointermove", (event) => {
    if (!extent || occluder.dragging()) return heat.leave();
    heat.point(...pointed(event, stage, extent));
  });
  stage.addEventListener("pointerleave", () => heat.leave());
  heat.canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const cell = heat.cursorCell;
    const box = heat.box(cell);
    const stepped = heat.step(event.key);
    if (stepped !== null) announce(stage, stepped);
    else if (event.key === "Enter" && box) occluder.put(box);
    else if (event.key.toLowerCase() === "p" && heat.grids) {
      const [down, right] = heat.grids.data.stride;
      pin(cell[0] * down, cell[1] * right);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  options.subscribe("auto", () => run.followAuto(), signal);
  selection.subscribe("photo", open, signal);
  selection.subscribe("photo", () => row.mark(), signal);
  selection.subscribe("occluder", showOccluder, signal);
  selection.subscribe("target", update, signal);
  selection.subscribe(
    "unit",
    () => {
      void showField();
      update();
    },
    signal,
  );
  panel.catalogue((answer) => {
    catalogue = answer;
    covering.baselines(answer.baselines);
    if (answer.no_classes) controls.noClasses(answer.no_classes);
    open();
  });
};
