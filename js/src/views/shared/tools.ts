/** What an Explorer's first line offers: back and forward, this view as code, the whole screen. */

import { t } from "../../lib/language/translate";
import { announce } from "../../lib/page/a11y";
import { buttonOf, h } from "../../lib/page/dom";
import type { SelectionStore } from "../../lib/page/selection_store";
import type { Unit } from "../../lib/wire/protocol";
import { codeOf } from "./code";
import type { OptionStore } from "./view";

/** Steps that follow each other quicker, in ms, are one: walking along by an arrow key. */
const WALK_MS = 700;
const MOST_STEPS = 100;

interface Place {
  unit: Unit | null;
  photo: number | null;
}

function button(text: string, label: string, onclick: () => void): HTMLButtonElement {
  // Words name a button by themselves; an arrow needs them.
  const name = /[a-z]/i.test(text) ? {} : { "aria-label": label };
  return buttonOf(text, { class: "zf-button zf-tool", title: label, ...name, onclick });
}

/** Where the reader has been: channel and photo. */
export function history(selection: SelectionStore, signal: AbortSignal): HTMLElement[] {
  const place = (): Place => ({ unit: selection.get("unit"), photo: selection.get("photo") });
  const places = [place()];
  let at = 0;
  let last = Number.NEGATIVE_INFINITY;
  let moving = false;
  const go = (step: number) => {
    const to = places[at + step];
    if (!to) return;
    at += step;
    moving = true;
    // The photo last: it would follow its channel.
    selection.set("unit", to.unit);
    selection.set("photo", to.photo);
    moving = false;
    show();
  };
  const back = button("←", t("Back: the channel and photo before"), () => go(-1));
  const forward = button("→", t("Forward again"), () => go(1));
  const show = () => {
    back.disabled = at === 0;
    forward.disabled = at === places.length - 1;
  };
  const note = (walks: boolean) => {
    if (moving) return;
    const now = performance.now();
    const same = JSON.stringify(place().unit) === JSON.stringify(places[at]?.unit);
    places.length = at + 1;
    // A photo that follows its channel is of the same step.
    if (at > 0 && (now - last < WALK_MS || (same && !walks && now - last < 2 * WALK_MS))) {
      places[at] = place();
    } else places.push(place());
    if (places.length > MOST_STEPS) places.shift();
    at = places.length - 1;
    last = now;
    show();
  };
  selection.subscribe("unit", () => note(true), signal);
  selection.subscribe("photo", () => note(false), signal);
  show();
  return [back, forward];
}

/** Put the lines of Python that show this view into the clipboard. */
function copyCode(el: HTMLElement, selection: SelectionStore, options: OptionStore): HTMLElement {
  const copy = button(
    t("Copy as code"),
    t("Copy the lines of Python that show this view"),
    async () => {
      const code = codeOf(selection, options);
      try {
        await navigator.clipboard.writeText(code);
        copy.textContent = t("Copied");
        announce(el, t("Copied"));
      } catch {
        copy.textContent = t("The browser refused");
      }
      setTimeout(() => {
        copy.textContent = t("Copy as code");
      }, 1500);
    },
  );
  return copy;
}

/** The widget on the whole screen, larger where there is room, as for a projector. */
export function wholeScreen(root: HTMLElement, signal: AbortSignal): HTMLElement | null {
  if (!root.requestFullscreen) return null;
  const enter = button(t("Full screen"), t("Full screen, as for a projector"), () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void root.requestFullscreen().catch(() => {});
  });
  root.ownerDocument.addEventListener(
    "fullscreenchange",
    () => root.classList.toggle("zf-whole-screen", root.matches(":fullscreen")),
    { signal },
  );
  return enter;
}

/** Channels worth a look, to walk through. */
function gallery(selection: SelectionStore, options: OptionStore, signal: AbortSignal) {
  const choice = h("select", { class: "zf-select zf-tool zf-gallery", "aria-label": t("Gallery") });
  const units = () => options.get("gallery") ?? [];
  const show = () => {
    const unit = selection.get("unit");
    const at = units().findIndex(([layer, channel]) => layer === unit?.[0] && channel === unit[1]);
    choice.value = String(at);
  };
  const fill = () => {
    choice.hidden = units().length === 0;
    choice.replaceChildren(
      h("option", { value: -1, disabled: true }, t("Gallery")),
      ...units().map(([layer, channel, text], i) =>
        h("option", { value: i }, `${text} (${layer} : ${channel})`),
      ),
    );
    show();
  };
  choice.addEventListener("change", () => {
    const chosen = units()[Number(choice.value)];
    if (chosen) selection.set("unit", [chosen[0], chosen[1]]);
  });
  selection.subscribe("unit", show, signal);
  options.subscribe("gallery", fill, signal);
  fill();
  return choice;
}

export function tools(
  root: HTMLElement,
  selection: SelectionStore,
  options: OptionStore,
  signal: AbortSignal,
): HTMLElement {
  const screen = wholeScreen(root, signal);
  return h(
    "span",
    { class: "zf-view-tools", role: "group", "aria-label": t("View") },
    gallery(selection, options, signal),
    ...history(selection, signal),
    copyCode(root, selection, options),
    ...(screen ? [screen] : []),
  );
}
