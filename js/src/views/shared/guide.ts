/** Four steps for who sees an Explorer for the first time; once dismissed they don't come again. */

import { msg, t } from "../../lib/language/translate";
import { buttonOf, h } from "../../lib/page/dom";

const STEPS = [
  ["layers", msg("Each box is a layer of the network, from the photo to the answer. Choose one.")],
  ["channels", msg("A layer has many channels. Each looks for a pattern of its own. Choose one.")],
  [
    "patches",
    msg(
      "The nine places in your photos that excite this channel most, and beside each what in it does. What do they have in common?",
    ),
  ],
  [
    "photo",
    msg(
      "Drag the square over the photo: the bars show what the network thinks when it can't see that part.",
    ),
  ],
] as const;
const KEY = "zfwidgets-guide";

function dismissed(): boolean {
  try {
    return localStorage.getItem(KEY) === "seen";
  } catch {
    return true; // a page without a memory would show it each time
  }
}

export function guide(root: HTMLElement, signal: AbortSignal): void {
  if (dismissed()) return;
  let at = 0;
  const text = h("span", { class: "zf-guide-text", role: "status" });
  const mark = (name: string | null) => {
    for (const panel of root.querySelectorAll(".zf-guided")) panel.classList.remove("zf-guided");
    if (name) root.querySelector(`.zf-layout > .zf-${name}`)?.classList.add("zf-guided");
  };
  const close = () => {
    mark(null);
    line.remove();
  };
  const end = () => {
    try {
      localStorage.setItem(KEY, "seen");
    } catch {
      // it will come again: there is no place to remember
    }
    close();
  };
  const next = buttonOf(t("Next"), { onclick: () => (++at < STEPS.length ? show() : end()) });
  const skip = buttonOf(t("Don't show again"), { onclick: end });
  const line = h(
    "div",
    { class: "zf-guide", role: "region", "aria-label": t("First steps") },
    text,
    next,
    skip,
  );
  const show = () => {
    const [panel, words] = STEPS[at] as (typeof STEPS)[number];
    text.textContent = `${t("{n} of {all}", { n: at + 1, all: STEPS.length })}. ${t(words)}`;
    next.textContent = at === STEPS.length - 1 ? t("Done") : t("Next");
    mark(panel);
  };
  root.querySelector(":scope > .zf-title")?.after(line);
  show();
  signal.addEventListener("abort", close, { once: true });
}
