/** What covers: fill, height and width, a shape drawn by hand, rectangles that stay. */

import { announce } from "../../lib/a11y";
import { h, select } from "../../lib/dom";
import { asFill, fillText, fillValue } from "../../lib/fills";
import { extent as extentText } from "../../lib/format";
import type { Box, Fill, Pair } from "../../lib/protocol";
import { type Fold, fold } from "../shared/fold";
import { popoverButton } from "../shared/popover";
import { maskEditor } from "./mask_editor";
import { type OccluderHandle, resized } from "./occluder";

/** Of the sliders, in input pixels; keys and the corner go further. */
const LARGEST = 128;
const MOST_HELD = 8;

export interface OccluderPanel {
  fold: Fold;
  fills(names: readonly string[]): void;
  /** Show the selection's occluder. */
  show(extent: Pair): void;
}

export function occluderPanel(handle: OccluderHandle): OccluderPanel {
  const part = fold("occluder", "Occluder");
  let fills: Fill[] = ["grey"];

  const fill = select("Fill of the occluder", [], "", (value: string) =>
    handle.change({ fill: asFill(value) }),
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

  const draw = popoverButton("Draw a shape", "Draw a shape of the occluder", "zf-button", () =>
    maskEditor(handle.now().mask, (mask) => handle.change({ mask })),
  );
  const hold = h(
    "button",
    {
      class: "zf-button",
      type: "button",
      title: "Keep this rectangle covered while the occluder goes elsewhere",
      onclick: () => {
        const { top, left, height, width, also } = handle.now();
        handle.change({ also: [...also, { top, left, height, width }] });
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
    fill,
    explanation,
    h("div", { class: "zf-controls" }, sides.height.element),
    h("div", { class: "zf-controls" }, sides.width.element),
    h("label", { class: "zf-label zf-check" }, together, "square"),
    h("div", { class: "zf-controls" }, draw, whole, hold),
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
          onclick: () => handle.change({ also: handle.now().also.filter((_, n) => n !== i) }),
        },
        "×",
      ),
    );

  let listed = "";
  /** Also the fill that Python has set, if it is a number. */
  const options = (now: Fill) => {
    const all = [...fills, 0];
    if (!all.includes(now)) all.push(now);
    if (all.join() !== listed) {
      fill.replaceChildren(
        ...all.map((one) => h("option", { value: fillValue(one) }, fillText(one).name)),
      );
      listed = all.join();
    }
    fill.value = fillValue(now);
    explanation.textContent = fillText(now).explanation;
  };

  return {
    fold: part,
    fills(names) {
      fills = [...names];
      options(handle.now().fill);
    },
    show(extent) {
      const { height, width, fill: now, mask, also } = handle.now();
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
      hold.disabled = also.length >= MOST_HELD;
      held.replaceChildren(...also.map(chip));
      held.hidden = also.length === 0;
      const more = [mask !== null && "shaped", also.length > 0 && `${also.length} held`];
      part.says(
        [fillText(now).name, `${extentText([height, width])} px`, ...more]
          .filter(Boolean)
          .join(" · "),
      );
    },
  };
}
