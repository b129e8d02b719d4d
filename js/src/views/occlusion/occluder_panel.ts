/** What covers: baseline, height and width, a shape drawn by hand, rectangles that stay. */

import { asBaseline, baselineText, baselineValue } from "../../lib/occlusion/baselines";
import { announce } from "../../lib/page/a11y";
import { h, select } from "../../lib/page/dom";
import { extent as extentText } from "../../lib/page/format";
import type { Baseline, Box, Pair } from "../../lib/wire/protocol";
import { type Fold, fold } from "../shared/fold";
import { type OccluderHandle, resized } from "./occluder";
import type { ShapeDrawing } from "./shape_drawing";

/** Of the sliders, in input pixels; keys and the corner go further. */
const LARGEST = 128;
const MOST_HELD = 8;

interface OccluderPanel {
  fold: Fold;
  baselines(names: readonly string[]): void;
  /** Show the selection's occluder. */
  show(extent: Pair): void;
}

export function occluderPanel(handle: OccluderHandle, drawing: ShapeDrawing): OccluderPanel {
  const part = fold("occluder", "Occluder");
  let baselines: Baseline[] = ["grey"];

  const baseline = select(
    "What the occluder shows in place of the photo",
    [],
    "",
    (value: string) => handle.change({ baseline: asBaseline(value) }),
  );
  const explanation = h("p", { class: "zf-hint" });
  const slider = (side: "height" | "width") => {
    const text = h("output", { class: "zf-number-text" });
    const input = h("input", {
      type: "range",
      min: 8,
      max: LARGEST,
      step: 4,
      "aria-label": `Occluder ${side} in pixels`,
      oninput: () => {
        const { height, width, ...rest } = handle.now();
        const size = { height, width, [side]: Number(input.value) };
        if (together.checked) size.height = size.width = Number(input.value);
        handle.put(resized({ ...rest, height, width }, size.height, size.width));
      },
    });
    const name = side === "height" ? "Height" : "Width";
    return { input, text, element: h("label", { class: "zf-label" }, name, input, text) };
  };
  const together = h("input", { type: "checkbox", checked: true });
  const sides = { height: slider("height"), width: slider("width") };

  const hold = h(
    "button",
    {
      class: "zf-button",
      type: "button",
      title: "Keep this rectangle covered while the occluder goes elsewhere",
      onclick: () => {
        const { top, left, height, width, extra_boxes } = handle.now();
        handle.change({ extra_boxes: [...extra_boxes, { top, left, height, width }] });
        announce(hold, `Held: ${extentText([height, width])} pixels at ${top}, ${left}`);
      },
    },
    "Hold it here",
  );
  const whole = h(
    "button",
    { class: "zf-button", type: "button", onclick: () => handle.change({ mask: null }) },
    "Whole box",
  );
  const held = h("ul", { class: "zf-chips", "aria-label": "Rectangles that stay covered" });
  part.body.dataset.zfNeedsKernel = "";
  part.body.append(
    baseline,
    explanation,
    h("div", { class: "zf-controls" }, sides.height.element),
    h("div", { class: "zf-controls" }, sides.width.element),
    h("label", { class: "zf-label zf-check" }, together, "square"),
    h("div", { class: "zf-controls" }, drawing.button, whole, hold),
    held,
  );

  const chip = (box: Box, i: number) =>
    h(
      "li",
      {},
      `${extentText([box.height, box.width])} at ${box.top}, ${box.left}`,
      h(
        "button",
        {
          type: "button",
          class: "zf-remove",
          "aria-label": `Uncover ${extentText([box.height, box.width])} at ${box.top}, ${box.left}`,
          onclick: () =>
            handle.change({ extra_boxes: handle.now().extra_boxes.filter((_, n) => n !== i) }),
        },
        "×",
      ),
    );

  let listed = "";
  /** Also the baseline that Python has set, if it is a number. */
  const options = (now: Baseline) => {
    const all = [...baselines, 0];
    if (!all.includes(now)) all.push(now);
    if (all.join() !== listed) {
      baseline.replaceChildren(
        ...all.map((one) => h("option", { value: baselineValue(one) }, baselineText(one).name)),
      );
      listed = all.join();
    }
    baseline.value = baselineValue(now);
    explanation.textContent = baselineText(now).explanation;
  };

  return {
    fold: part,
    baselines(names) {
      baselines = [...names];
      options(handle.now().baseline);
    },
    show(extent) {
      const { height, width, baseline: now, mask, extra_boxes } = handle.now();
      for (const [side, value, most] of [
        ["height", height, extent[0]],
        ["width", width, extent[1]],
      ] as const) {
        sides[side].input.max = String(Math.min(LARGEST, most));
        sides[side].input.value = String(value);
        sides[side].text.textContent = `${value} px`;
      }
      if (height !== width) together.checked = false;
      options(now);
      whole.hidden = mask === null;
      hold.disabled = extra_boxes.length >= MOST_HELD;
      held.replaceChildren(...extra_boxes.map(chip));
      held.hidden = extra_boxes.length === 0;
      const more = [
        mask !== null && "shaped",
        extra_boxes.length > 0 && `${extra_boxes.length} held`,
      ];
      part.says(
        [baselineText(now).name, `${extentText([height, width])} px`, ...more]
          .filter(Boolean)
          .join(" · "),
      );
    },
  };
}
