/** Whether a channel's picture depends on what it has learned: its own filters drawn anew. */

import { decimal, msg, t } from "../../lib/language/translate";
import { announce } from "../../lib/page/a11y";
import { buttonOf, h } from "../../lib/page/dom";
import { count } from "../../lib/page/format";
import { nextFrame, type SelectionStore } from "../../lib/page/selection_store";
import { settledOf } from "../../lib/page/settled";
import { type Answer, PRIORITY, type Progress } from "../../lib/wire/protocol";
import { KernelError, NotStored, Superseded } from "../../lib/wire/source";
import { progressBar } from "../shared/index_line";
import type { Panel } from "../shared/status";
import { renewable } from "../shared/view";

type Data = Answer<"sanity">["data"];

/** A button under the patches, and what it has found out. */
export function whatWasLearned(panel: Panel, selection: SelectionStore, signal: AbortSignal): void {
  const result = h("div", { class: "zf-learned-result" });
  const button = buttonOf(t("Does the picture depend on what was learned?"), {
    title: t("Draw the channel's own filters anew at random: does its picture change?"),
    onclick: () => void ask(),
  });
  panel.element.append(h("div", { class: "zf-learned" }, button, result));
  const renew = renewable(signal);

  const forget = () => {
    renew();
    button.disabled = !selection.get("unit");
    result.replaceChildren();
  };

  const ask = async () => {
    const unit = selection.get("unit");
    if (!unit) return;
    const current = renew();
    const [layer, channel] = unit;
    const key = { layer, channel, rule: selection.get("rule") || "deconvnet" };
    const end = settledOf(panel.element).begin();
    button.disabled = true;
    wait(null);
    try {
      const options = {
        slot: "patches:learned",
        priority: PRIORITY.maps,
        signal: current,
        onProgress: wait,
      };
      const { data } = await panel.source.get("sanity", key, options);
      if (current.aborted) return;
      result.replaceChildren(...told(data));
      announce(panel.element, result.textContent ?? "");
    } catch (error) {
      if (current.aborted || error instanceof Superseded) return;
      const expected = error instanceof KernelError || error instanceof NotStored;
      if (!expected) console.error(error);
      const text = error instanceof Error ? error.message : String(error);
      result.replaceChildren(h("p", {}, text));
      button.disabled = false;
    } finally {
      nextFrame(end);
    }
  };

  const wait = (progress: Progress | null) => {
    const { what, done, total } = progress ?? {
      what: msg("Waiting for its turn"),
      done: 0,
      total: 0,
    };
    result.replaceChildren(
      h("span", {}, total > 0 ? `${t(what)} ${done} / ${total} ` : `${t(what)} … `),
      progressBar(total > 0 ? done / total : null, t(what)),
    );
  };

  for (const field of ["unit", "rule"] as const) selection.subscribe(field, forget, signal);
  forget();
}

const ANSWERS: Record<Data["depends"], string> = {
  hardly: msg("Hardly."),
  partly: msg("Partly."),
  clearly: msg("Yes."),
  "": msg("It can't be said: a picture is empty."),
};

const alike = (rank: number | null) =>
  rank === null ? t("not to be compared") : decimal(rank.toFixed(2));

/** The answer in a word and a sentence; what was done stands behind a line. */
function told(data: Data): Node[] {
  const { depends, own, modules, rank, rank_all, others, median, name } = data;
  const same =
    depends === "hardly"
      ? t(
          "Once the channel's own filters are random numbers, the picture stays almost the same, so that it shows what the photo and the layers below let through rather than what these filters look for",
        )
      : depends === "partly"
        ? t(
            "Once the channel's own filters are random numbers, the picture changes, but much of it stays",
          )
        : t("Once the channel's own filters are random numbers, the picture becomes another one");
  const sentence = depends
    ? ` ${same}: ${t("alike by {rank} (1 is the same picture, 0 has nothing in common).", { rank: alike(rank) })}`
    : "";
  const compared =
    others.length > 0
      ? t(
          "Pictures of {channels} at this place are alike by {rank}, in the middle: above that, one hardly sees in such a picture which channel it is of.",
          { channels: count(others.length, "other channel"), rank: alike(median) },
        )
      : t("No other channel fires at this place.");
  const explained = [
    t(
      "The strongest patch, in {name}: drawn again from the same place and activation with {modules} drawn anew, each tensor with the mean and spread that it had.",
      { name, modules: own.join(", ") },
    ),
    t("With all {modules} from there to the pixels drawn anew: {rank}.", {
      modules: count(modules.length, "module"),
      rank: alike(rank_all),
    }),
    compared,
    t(
      "Alike is the rank correlation of the pixels' signed values: from 0.9 on the answer is hardly, from 0.5 on partly. zf.SanityCheck shows the whole curve.",
    ),
  ];
  return [
    h("p", {}, h("strong", {}, t(ANSWERS[depends])), sentence),
    h(
      "details",
      { class: "zf-counted" },
      h("summary", {}, t("How this was measured")),
      ...explained.map((text) => h("p", { class: "zf-fold-note" }, text)),
    ),
  ];
}
