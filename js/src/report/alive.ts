/** Runs in the page of a report with its network inside, as it is parsed. */

import { plural, t } from "../lib/language/translate";
import { h } from "../lib/page/dom";
import { LiveAnswers } from "./live/answers";
import { KeptAnswers, LiveSource } from "./live/live_source";
import { Living, type Network } from "./live/living";
import { Photos } from "./live/own";
import { type Life, open } from "./page";
import type { StoredAnswers } from "./stored/answers";
import { BrokenReport, type Bundle } from "./stored/bundle";

function revive(bundle: Bundle, answers: StoredAnswers): Life | null {
  const { manifest } = bundle;
  const network = (manifest as { network?: Network }).network;
  if (!network) return null;
  const { catalogue } = manifest;
  const living = new Living(bundle, network, catalogue.no_classes);
  const photos = new Photos(living, answers, catalogue);
  const live = new LiveAnswers(living, answers, photos, catalogue);
  const kept = new KeptAnswers();
  const line = h(
    "p",
    { class: "zf-lack zf-alive", role: "status" },
    t("Its network is being read …"),
  );
  const started = living.ready.then(
    (plain) => line.replaceChildren(`${told(network)} ${how(plain)}`),
    (error: Error) => {
      const why = error instanceof BrokenReport ? error.message : `(${error.message})`;
      line.replaceChildren(
        t("The network in this page doesn't run: what was stored is shown, nothing else."),
        ` ${why}`,
      );
      line.classList.add("zf-problem");
      throw error;
    },
  );
  return { line, started, source: () => new LiveSource(live, photos, kept) };
}

/** What is in the page, and what its weights' precision costs. */
function told({ cost, licence }: Network): string {
  const { precision, tried, kept, largest, classes } = cost;
  const of = { precision, tried, kept, largest: largest.toExponential(1) };
  const exact = classes
    ? plural(
        tried,
        "Weights as {precision}: its first class was the network's on {kept} of {tried} photo, no probability differed by more than {largest}.",
        "Weights as {precision}: its first class was the network's on {kept} of {tried} photos, no probability differed by more than {largest}.",
        of,
      )
    : t("Weights as {precision}: values differed by at most {largest} of the largest.", of);
  const rights = t("Licence of the weights: {licence}.", { licence: licence.replace(/\.$/, "") });
  return `${t("The network itself is in this page: what isn't stored is computed here, also of photos of your own.")} ${exact} ${rights}`;
}

function how(plain: string): string {
  return plain
    ? t(
        "WebAssembly isn't to be had here ({why}): it computes in plain JavaScript, several times slower.",
        {
          why: plain,
        },
      )
    : "";
}

void open(document, revive);
