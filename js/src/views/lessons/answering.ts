/** How a question is answered: one of several, a number, or a channel that is chosen elsewhere. */

import { buttonOf, h, uniqueId } from "../../lib/page/dom";
import type { Answer } from "../../lib/wire/protocol";
import { figure } from "./figure";

type Data = Answer<"exercise">["data"];
type Words = Readonly<Record<string, string>>;

export interface Answering {
  elements: HTMLElement[];
  /** The channel that is chosen has changed. */
  follow(chosen: string): void;
}

function button(text: string, onclick: () => void): HTMLButtonElement {
  return buttonOf(text, { class: "zf-button zf-primary", onclick });
}

/** Choose one, then press the button: a click on the way is no answer yet. */
export function choices(
  data: Data,
  bitmaps: readonly ImageBitmap[],
  words: Words,
  given: number | string | null,
  give: (value: number) => void,
): Answering {
  const name = uniqueId("answer");
  const answered = given !== null;
  let chosen: number | null = null;
  const note = h("span", { class: "zf-dim" }, answered ? words.stays : words.first);
  const check = button(words.check ?? "", () => chosen !== null && give(chosen));
  check.disabled = true;
  const options = data.options.map(({ text, told, figure: picture }, i) => {
    const input = h("input", {
      type: "radio",
      name,
      value: i,
      checked: given === i,
      disabled: answered,
      onchange: () => {
        chosen = i;
        check.disabled = false;
        note.textContent = "";
      },
      onkeydown: (event: KeyboardEvent) => {
        if (event.key === "Enter" && chosen !== null) give(chosen);
      },
    });
    const right = answered && data.answer === i;
    const mine = given === i;
    const remark = mine && right ? words.both : mine ? words.yours : right ? words.right : "";
    return h(
      "label",
      {
        class: "zf-lesson-option",
        "data-state": !answered ? "asked" : right ? "right" : mine ? "wrong" : "other",
      },
      picture && figure(picture, bitmaps, "span"),
      h(
        "span",
        { class: "zf-lesson-text" },
        input,
        h("b", {}, text),
        told && h("span", {}, told),
        remark && h("em", {}, remark),
      ),
    );
  });
  const pictures = data.options.some((option) => option.figure);
  const group = h(
    "div",
    {
      class: `zf-lesson-options${pictures ? " zf-pictures" : ""}`,
      role: "radiogroup",
      "aria-label": data.ask,
    },
    ...options,
  );
  const line = h("div", { class: "zf-lesson-line" }, answered ? null : check, note);
  return { elements: [group, line], follow: () => {} };
}

/** Move the slider, then press the button. */
export function estimate(
  data: Data,
  words: Words,
  given: number | string | null,
  give: (value: number) => void,
): Answering {
  const { low, high, unit } = data.scale ?? { low: 0, high: 100, unit: "" };
  const answered = given !== null;
  const start = answered ? Number(given) : Math.round((low + high) / 2);
  const shown = h("output", {}, answered ? `${start} ${unit}` : "…");
  const note = h("span", { class: "zf-dim" }, answered ? words.stays : words.move);
  const slider = h("input", {
    type: "range",
    min: low,
    max: high,
    step: 1,
    value: start,
    disabled: answered,
    "aria-label": `${words.estimate} (${unit})`,
    oninput: () => {
      shown.textContent = `${slider.value} ${unit}`;
      slider.setAttribute("aria-valuetext", shown.textContent);
      check.disabled = false;
      note.textContent = "";
    },
    onkeydown: (event: KeyboardEvent) => {
      if (event.key === "Enter" && !check.disabled) give(Number(slider.value));
    },
  });
  const check = button(words.check ?? "", () => give(Number(slider.value)));
  check.disabled = true;
  const scale = h(
    "div",
    { class: "zf-lesson-scale" },
    h("span", {}, words.estimate),
    h("span", { class: "zf-dim" }, String(low)),
    slider,
    h("span", { class: "zf-dim" }, String(high)),
    h("b", {}, shown),
  );
  const truth = Math.min(Math.max(data.answer ?? low, low), high);
  const bar =
    answered &&
    h(
      "div",
      { class: "zf-lesson-truth" },
      h("span", {}, words.truth),
      h("span", { class: "zf-dim" }, String(low)),
      h("progress", {
        max: high - low,
        value: truth - low,
        "aria-label": words.truth,
      }),
      h("span", { class: "zf-dim" }, String(high)),
      h("b", {}, `${Math.round(data.answer ?? low)} ${unit}`),
    );
  const line = h("div", { class: "zf-lesson-line" }, answered ? null : check, note);
  return { elements: [scale, ...(bar ? [bar] : []), line], follow: () => {} };
}

/** Choose a channel in the Explorer, then have it looked at. */
export function find(
  words: Words,
  answered: boolean,
  give: (value: string) => void,
  look: () => void,
): Answering {
  const chosen = h("b", {});
  const line = h(
    "div",
    { class: "zf-lesson-line" },
    h("span", {}, words.chosen),
    chosen,
    answered ? null : button(words.look ?? "", look),
    answered ? null : buttonOf(words.show, { onclick: () => give("show") }),
  );
  return {
    elements: [line],
    follow: (unit) => {
      chosen.textContent = unit || (words.nothing ?? "");
    },
  };
}
