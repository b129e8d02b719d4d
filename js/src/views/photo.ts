/** The chosen photo, an occluder over it, and the map of what the occluder does. */

import { announce } from "../lib/a11y";
import { decode, paintBitmap } from "../lib/canvas";
import { h, select } from "../lib/dom";
import { short, timeLeft } from "../lib/format";
import type { Catalogue, Fill, Key, OcclusionData, Pair } from "../lib/protocol";
import { PRIORITY } from "../lib/protocol";
import { settledOf } from "../lib/settled";
import { COLOURS, HeatMap, type Look, OVERLAYS, type Overlay } from "./heatmap";
import { defaultOccluder, occluderHandle, place, resized } from "./occluder";
import { Panel, progressBar } from "./status";
import { choice, renewable, type View } from "./view";

/** The map starts when what it depends on has rested this long. */
const REST_MS = 300;
/** Of the slider, in input pixels; keys and the corner go further. */
const LARGEST = 128;
const STRIDES = [32, 16, 8, 4] as const;
const FILLS = [
  ["grey", "grey (paper)"],
  ["mean", "mean colour"],
  ["0", "zero input"],
] as const;

function asFill(value: string): Fill {
  return value === "grey" || value === "mean" ? value : Number(value);
}

export const photo: View = (el, selection, source, signal, options) => {
  const panel = new Panel(el, "photo", "Photo", source, signal);
  const picture = h("canvas", { class: "zf-photo-picture", role: "img", "aria-label": "Photo" });
  const field = h("div", { class: "zf-field", hidden: true });
  const stage = h("div", { class: "zf-stage" }, picture);
  const look: Look = {
    overlay: choice<Overlay>(options.overlay, OVERLAYS),
    colours: choice(options.colours, COLOURS),
    opacity: options.opacity ?? 0.6,
  };
  let stride = options.stride ?? 8;
  let catalogue: Catalogue | null = null;
  let extent: Pair | null = null;
  const layerName = () => selection.get("unit")?.[0] ?? "the layer";
  const heat = new HeatMap(
    () => catalogue?.classes ?? [],
    layerName,
    () => look,
  );
  stage.append(heat.canvas, field, heat.cursor);
  const occluder = occluderHandle(stage, selection, () => stride, signal);
  const renewPhoto = renewable(signal);
  const renewField = renewable(signal);

  // What a map depends on, and where it stands.
  const slide = h("button", { class: "zf-button zf-primary", type: "button" }, "Slide");
  const progress = h("div", { class: "zf-map-progress" });
  let run: AbortController | null = null;
  let shownKey = "";
  let rest: { cancel: () => void } | null = null;

  const occluderNow = () => selection.get("occluder") ?? defaultOccluder(extent ?? [224, 224]);
  const keyNow = (): Key<"occlusion"> | null => {
    const image = selection.get("photo");
    if (image === null || !extent || stage.dataset.photo !== String(image)) return null;
    const chosen = selection.get("occluder");
    if (!chosen) return null;
    const { height, width, fill } = chosen;
    const layer = look.overlay === "strongest" ? (selection.get("unit")?.[0] ?? null) : null;
    return { image, height, width, stride, fill, target: selection.get("target"), layer };
  };

  const showProgress = (data: Pick<OcclusionData, "done" | "total" | "seconds_left"> | null) => {
    const running = run !== null;
    slide.textContent = running ? "Stop" : "Slide";
    slide.title = running ? "Stop the map here" : "Slide the occluder over the whole photo";
    if (!data) {
      progress.replaceChildren(...(running ? [progressBar(null, "Occlusion map")] : []));
      return;
    }
    const { done, total, seconds_left } = data;
    const text =
      total === 0 ? "waiting" : done < total ? `${done} / ${total}` : `${total} positions`;
    const left = running ? timeLeft(seconds_left) : done < total ? "stopped" : "";
    progress.replaceChildren(
      ...(running ? [progressBar(total ? done / total : null, "Occlusion map")] : []),
      `${text}${left ? ` · ${left}` : ""}`,
    );
  };

  const stop = () => {
    rest?.cancel();
    run?.abort();
    run = null;
    showProgress(heat.data);
  };

  const start = async () => {
    stop();
    const key = keyNow();
    if (!key || !extent) return;
    const size = extent;
    const mine = new AbortController();
    run = mine;
    showProgress(null);
    const load = {
      priority: PRIORITY.maps,
      signal: AbortSignal.any([signal, mine.signal]),
      onProgress: ({
        done,
        total,
        seconds_left,
      }: {
        done: number;
        total: number;
        seconds_left: number | null;
      }) => run === mine && showProgress({ done, total, seconds_left }),
    };
    await panel.load("occlusion", key, "map", load, (answer, _, complete) => {
      if (run !== mine) return;
      heat.set(answer, size);
      if (complete) run = null;
      showProgress(answer.data);
      explain();
    });
    if (run === mine) {
      run = null;
      showProgress(heat.data);
    }
  };

  /** The map on screen must be the one of the settings on screen, or none. */
  const invalidate = () => {
    const key = keyNow();
    const text = JSON.stringify(key);
    if (text === shownKey) return;
    shownKey = text;
    stop();
    heat.clear();
    explain();
    showProgress(null);
    if (!key || look.overlay === "none" || options.auto === false) return;
    const settled = settledOf(stage).begin();
    const timer = setTimeout(() => {
      void start();
      settled();
    }, REST_MS);
    rest = {
      cancel: () => {
        clearTimeout(timer);
        settled();
      },
    };
  };

  const explain = () => {
    const artefact =
      look.overlay === "none"
        ? ""
        : " A hard edge is itself an artefact; at the border the image cuts the occluder.";
    const slow = heat.data?.note ? ` Full passes: ${heat.data.note}.` : "";
    panel.explain(heat.explanation() + artefact + slow);
  };

  // ------------------------------------------------------------ photo and receptive field

  const showField = async () => {
    const current = renewField();
    field.hidden = true;
    const [unit, image] = [selection.get("unit"), selection.get("photo")];
    if (!unit || image === null || !extent) return;
    const [layer, channel] = unit;
    const size = extent;
    const load = { priority: PRIORITY.patches, signal: current, quiet: true };
    await panel.load("top", { layer, channel, k: 9 }, "field", load, ({ data }) => {
      const activation = data.activations.find((one) => one.image === image);
      if (!activation) return;
      field.hidden = false;
      field.title = `Receptive field of ${layer} : ${channel} at row ${activation.row}, column ${activation.col}`;
      place(field, activation.box, size);
    });
  };

  const showOccluder = () => {
    if (!extent) return;
    occluder.show(extent);
    size.max = String(Math.min(LARGEST, ...extent));
    const { height, width, fill } = occluderNow();
    size.value = String(Math.max(height, width));
    sizeText.textContent = height === width ? `${height} px` : `${height}×${width} px`;
    fillSelect.value = String(fill);
    invalidate();
  };

  const open = () => {
    const image = selection.get("photo");
    const current = renewPhoto();
    if (image === null) {
      panel.explain("Choose a photo: click one of the patches.");
      return;
    }
    stage.dataset.photo = "";
    stage.classList.add("zf-stale");
    field.hidden = true;
    invalidate();
    const load = { priority: PRIORITY.patches, signal: current };
    void panel.load("photo", { image }, "photo", load, async ({ data, buffers }, fresh) => {
      if (!buffers[0]) return;
      const bitmap = await decode(buffers[0], data.mime);
      if (!fresh()) return bitmap.close();
      paintBitmap(picture, bitmap);
      bitmap.close();
      extent = [data.rows, data.columns];
      stage.dataset.photo = String(image);
      stage.classList.remove("zf-stale");
      stage.style.setProperty("--zf-aspect", `${data.columns} / ${data.rows}`);
      const name = data.label ? `${data.name} · ${short(data.label)}` : data.name;
      picture.setAttribute("aria-label", `Photo ${name}`);
      panel.title("Photo", name);
      showOccluder();
      void showField();
    });
  };

  // ------------------------------------------------------------ controls

  const size = h("input", {
    type: "range",
    min: 8,
    max: LARGEST,
    step: 4,
    "aria-label": "Occluder size in pixels",
    oninput: () => {
      const side = Number(size.value);
      occluder.put(resized(occluderNow(), side, side));
    },
  });
  const sizeText = h("output", { class: "zf-number-text" });
  const opacity = h("input", {
    type: "range",
    min: 0,
    max: 1,
    step: 0.05,
    value: look.opacity,
    "aria-label": "Opacity of the overlay",
    title: "Opacity of the overlay",
    oninput: () => {
      look.opacity = Number(opacity.value);
      heat.draw();
    },
  });
  const fillSelect = select("Fill of the occluder", FILLS, "grey", (value) =>
    occluder.set(asFill(value)),
  );
  const strides = [...new Set([...STRIDES, stride])].sort((a, b) => b - a);
  const restyle = () => {
    colours.disabled = look.overlay === "label" || look.overlay === "none";
    opacity.disabled = look.overlay === "none";
    heat.draw();
    explain();
    invalidate();
  };
  const overlays = select("Overlay", OVERLAYS, look.overlay, (value) => {
    look.overlay = value;
    restyle();
  });
  const colours = select("Colours of the overlay", COLOURS, look.colours, (value) => {
    look.colours = value;
    restyle();
  });
  const strideSelect = select(
    "Stride: input pixels between positions",
    strides.map((s) => [String(s), `stride ${s}`] as const),
    String(stride),
    (value) => {
      stride = Number(value);
      invalidate();
    },
  );
  slide.addEventListener("click", () => (run ? stop() : void start()));

  panel.body.append(
    stage,
    h("div", { class: "zf-under-stage" }, heat.key, heat.readout),
    h("div", { class: "zf-controls" }, overlays, colours),
    h(
      "div",
      { class: "zf-controls" },
      h("label", { class: "zf-label" }, "Opacity", opacity),
      h("label", { class: "zf-label" }, "Occluder", size, sizeText),
    ),
    h("div", { class: "zf-controls" }, fillSelect, strideSelect, slide),
    progress,
  );

  stage.addEventListener("pointermove", (event) => {
    if (!extent || occluder.dragging()) return heat.leave();
    const area = stage.getBoundingClientRect();
    heat.point(
      ((event.clientY - area.top) / area.height) * extent[0],
      ((event.clientX - area.left) / area.width) * extent[1],
    );
  });
  stage.addEventListener("pointerleave", () => heat.leave());
  heat.canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const box = heat.box(heat.cursorCell);
    const text = heat.step(event.key);
    if (text !== null) announce(stage, text);
    else if (event.key === "Enter" && box) occluder.put(box);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  selection.subscribe("photo", open, signal);
  selection.subscribe("occluder", showOccluder, signal);
  selection.subscribe("target", invalidate, signal);
  selection.subscribe(
    "unit",
    () => {
      void showField();
      if (look.overlay === "strongest") invalidate();
    },
    signal,
  );
  signal.addEventListener("abort", stop, { once: true });
  showProgress(null);
  colours.disabled = look.overlay === "label" || look.overlay === "none";
  panel.catalogue((answer) => {
    catalogue = answer;
    open();
  });
};
