/** The strongest patches of the chosen channel, and of another one or another rule beside them. */

import { t } from "../../lib/language/translate";
import { announce } from "../../lib/page/a11y";
import { buttonOf, h } from "../../lib/page/dom";
import type { SelectionStore } from "../../lib/page/selection_store";
import { within } from "../../lib/wire/source";
import type { OptionStore, Pinned, View } from "../shared/view";
import { renewable } from "../shared/view";
import { type PinButton, patchesPanel } from "./patches";

/** The strongest patches of the chosen channel, which can't be pinned. */
export const patches: View = (el, selection, source, signal, options) => {
  patchesPanel(el, selection, source, signal, options, {
    title: t("Strongest patches"),
    pin: null,
    leads: true,
  });
};

/** The same with a button that pins them, and what is pinned, as long as something is. */
export const patchesAndPinned: View = (el, selection, source, signal, options) => {
  const pin = pinButton(selection, options, signal);
  patchesPanel(el, selection, source, signal, options, {
    title: t("Strongest patches"),
    pin,
    leads: true,
  });
  // Beside them in the layout, and after them for the keyboard.
  const place = h("div", { class: "zf-pinned" });
  el.append(place);
  signal.addEventListener("abort", () => place.remove(), { once: true });
  const renew = renewable(signal);
  const beside = besides(selection, options);
  let shown = false;
  const unpin: PinButton = {
    element: buttonOf(t("Unpin"), {
      title: t("Let these patches go. Key: P"),
      onclick: () => unpin.toggle(),
    }),
    toggle() {
      options.set("pinned", null);
      announce(el, t("Unpinned"));
      pin.element.focus();
    },
  };
  const follow = () => {
    const is = Boolean(options.get("pinned"));
    place.hidden = !is;
    if (is === shown) return;
    shown = is;
    const now = renew();
    if (!is) return;
    const hint = h("p", { class: "zf-hint" });
    const panel = patchesPanel(place, beside, within(source, "pinned"), now, options, {
      title: t("Pinned"),
      pin: unpin,
      leads: false,
    });
    panel.body.prepend(hint);
    const tell = () => {
      hint.hidden = !isPinned(selection, options);
      hint.textContent = t(
        "Now choose another channel, or another rule: the two stand side by side.",
      );
    };
    tell();
    for (const field of ["unit", "rule"] as const) selection.subscribe(field, tell, now);
    options.subscribe("pinned", tell, now);
  };
  options.subscribe("pinned", follow, signal);
  follow();
};

const here = (selection: SelectionStore): Pinned | null => {
  const unit = selection.get("unit");
  return unit && [unit[0], unit[1], selection.get("rule") || "deconvnet"];
};

/** Whether what is chosen is what is pinned. */
function isPinned(selection: SelectionStore, options: OptionStore): boolean {
  const now = here(selection);
  return now !== null && JSON.stringify(now) === JSON.stringify(options.get("pinned"));
}

function pinButton(
  selection: SelectionStore,
  options: OptionStore,
  signal: AbortSignal,
): PinButton {
  const toggle = () => {
    const now = here(selection);
    if (!now) return;
    const was = isPinned(selection, options);
    options.set("pinned", was ? null : now);
    const [layer, channel] = now;
    announce(
      element,
      was ? t("Unpinned") : t("Pinned: {layer}, channel {channel}", { layer, channel }),
    );
  };
  const element = buttonOf(t("Pin"), {
    class: "zf-button zf-toggle zf-pin-channel",
    "aria-pressed": "false",
    title: t("Keep these patches beside those of the next channel, or of another rule. Key: P"),
    onclick: toggle,
  });
  const show = () => element.setAttribute("aria-pressed", String(isPinned(selection, options)));
  for (const field of ["unit", "rule"] as const) selection.subscribe(field, show, signal);
  options.subscribe("pinned", show, signal);
  show();
  return { element, toggle };
}

/** What is chosen, but for the channel and the rule: those are the pinned ones. */
function besides(selection: SelectionStore, options: OptionStore): SelectionStore {
  const pinned = () => options.get("pinned") ?? null;
  return {
    get(field) {
      const now = pinned();
      const own: Record<string, unknown> = {
        unit: now && [now[0], now[1]],
        rule: now ? now[2] : selection.get("rule"),
      };
      return (field in own ? own[field] : selection.get(field)) as never;
    },
    set(field, value) {
      const now = pinned();
      if (field === "unit" && now && value) {
        const [layer, channel] = value as unknown as [string, number];
        options.set("pinned", [layer, channel, now[2]]);
      } else if (field === "rule" && now) {
        options.set("pinned", [now[0], now[1], value as unknown as string]);
      } else selection.set(field, value);
    },
    subscribe(field, listener, signal) {
      if (field !== "unit" && field !== "rule") return selection.subscribe(field, listener, signal);
      let before = JSON.stringify(this.get(field));
      const changed = () => {
        const now = JSON.stringify(this.get(field));
        if (now === before || !pinned()) return;
        before = now;
        listener();
      };
      options.subscribe("pinned", changed, signal);
    },
  };
}
