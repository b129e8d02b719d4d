/** A field that goes to a channel by its number. */

import { t } from "../../lib/language/translate";
import { h } from "../../lib/page/dom";

interface Strip {
  has(channel: number): boolean;
  /** How many channels the layer has. */
  total(): number;
  /** Scroll to a channel. */
  reveal(channel: number): void;
  choose(channel: number): void;
  /** Say in the line below the strip; null: what it says otherwise. */
  say(text: string | null): void;
}

export function channelSearch(strip: Strip): HTMLInputElement {
  const field = h("input", {
    type: "search",
    class: "zf-input zf-number",
    inputmode: "numeric",
    placeholder: t("Go to"),
    "aria-label": t("Go to channel number"),
  });
  const typed = () => field.value.trim();
  field.addEventListener("input", () => {
    const channel = Number(field.value);
    const valid = typed() === "" || strip.has(channel);
    field.setAttribute("aria-invalid", String(!valid));
    const none = t("There is no channel {typed}: this layer has 0 to {last}.", {
      typed: typed(),
      last: strip.total() - 1,
    });
    field.title = valid ? "" : none;
    strip.say(valid ? null : none);
    if (valid && typed() !== "") strip.reveal(channel);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || typed() === "") return;
    event.preventDefault();
    const channel = Number(field.value);
    if (strip.has(channel)) strip.choose(channel);
  });
  return field;
}
