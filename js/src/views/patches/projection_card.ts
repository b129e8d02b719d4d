/** The mark on a projection, and the card behind it: how it was computed, and how exact it is. */

import { msg, t } from "../../lib/language/translate";
import { fieldOf } from "../../lib/network/fields";
import { h } from "../../lib/page/dom";
import { count, extent, number } from "../../lib/page/format";
import type {
  Field,
  Layer,
  Operation,
  ProjectionInfo,
  RuleInfo,
  Status,
} from "../../lib/wire/protocol";

export const STATUS: Record<Status, { mark: string; text: string }> = {
  paper: { mark: "P", text: msg("only operations of the paper's networks") },
  adjoint: { mark: "A", text: msg("also linear operations, passed by their transpose") },
  linearised: { mark: "L", text: msg("some operations have no inverse and were linearised") },
  unknown: { mark: "?", text: msg("operations that aren't on our list: don't rely on it") },
};

/** What a status is called. */
export const NAMES: Record<Status, string> = {
  paper: msg("paper"),
  adjoint: msg("adjoint"),
  linearised: msg("linearised"),
  unknown: msg("unknown"),
};

/** Whether a picture is exact, as its card says first. */
const EXACT: Record<Status, string> = {
  paper: msg("yes: only operations of the paper's networks."),
  adjoint: msg(
    "yes: linear operations that the paper's networks lack are passed by their transpose.",
  ),
  linearised: msg("in part: some operations have no inverse and were linearised."),
  unknown: msg("not known: some operations aren't on our list. Don't rely on it."),
};

/** What is said of a projection without a single value, in short and in full. */
export const BLANK = {
  short: msg("zero everywhere"),
  text: msg(
    "zero everywhere: by this rule there is nothing to show of what drives the unit in this image.",
  ),
};

/** What a projection is of. */
export interface Subject {
  layer: Layer | null;
  channel: number;
  rule: RuleInfo;
}

/** Whether the picture depends on the image that it stands beside. */
export function dependence(
  { pools, operations }: ProjectionInfo,
  { reads_forward }: RuleInfo,
): string {
  const switches = { pools: count(pools, "max-pool") };
  const bent = operations.some(({ status }) => status === "linearised" || status === "unknown");
  if (reads_forward !== false) {
    return reads_forward
      ? t(
          "It depends on this image through which rectifiers were active and through the switches of {pools}.",
          switches,
        )
      : t(
          "It may depend on this image through which rectifiers were active and through the switches of {pools}.",
          switches,
        );
  }
  if (pools > 0) return t("It depends on this image through the switches of {pools}.", switches);
  return bent
    ? t("No max-pool was met: it depends on this image only where operations were linearised.")
    : t("No max-pool was met: every image gives the same picture, but for its place and strength.");
}

/** What rounding decides of the picture; null where that is less than one per cent, or not known. */
export function nearTies({ near_ties }: ProjectionInfo): string | null {
  if (near_ties == null || near_ties < 0.01) return null;
  const share = Math.round(100 * near_ties);
  return t(
    "Signals up to {share} % as strong as the strongest pass max-pools where the two largest values are almost the same, as in flat parts of a photo. Rounding decides which of them counts: on another computer, parts of this picture may look different.",
    { share },
  );
}

export function reachText(field: Field): string {
  const size = extent(field.size);
  if (field.reach === "exact") return t("exactly {size} pixels", { size });
  if (field.reach === "upper bound") return t("at most {size} pixels (an upper bound)", { size });
  if (field.reach === "gated")
    return t("exactly {size} pixels, but for gates, which see the whole image", { size });
  return t("the whole image: the unit may depend on every pixel");
}

export function projectionCard(
  rank: number,
  info: ProjectionInfo,
  { layer, channel, rule }: Subject,
): (Node | string)[] {
  const { status, operations } = info;
  const facts: [string, string][] = [
    [t("Exact"), rule.status_note || t(EXACT[status])],
    [t("Rule"), t(rule.title)],
    [t("Image"), dependence(info, rule)],
  ];
  if (layer) facts.push([t("Field"), `${reachText(fieldOf(layer, channel))}.`]);
  const ties = nearTies(info);
  if (ties) facts.push([t("Near ties"), ties]);
  facts.push(info.blank ? [t("Picture"), t(BLANK.text)] : [t("Scale"), `±${number(info.scale)}`]);
  return [
    h("h4", {}, `${t("Projection {n}", { n: rank + 1 })}: ${t(NAMES[status])}`),
    h("dl", {}, ...facts.flatMap(([term, text]) => [h("dt", {}, term), h("dd", {}, text)])),
    h("h5", {}, t("Operations between the unit and the pixels")),
    h("table", {}, h("tbody", {}, ...operations.map((operation) => operationRow(operation)))),
  ];
}

function operationRow({ name, status, count: times, note }: Operation): HTMLElement {
  const { mark } = STATUS[status];
  return h(
    "tr",
    {},
    h(
      "td",
      {},
      h("span", { class: "zf-status", "data-status": status, "aria-hidden": true }, mark),
    ),
    h("th", { scope: "row" }, name),
    h("td", {}, `× ${times}`),
    h("td", {}, note ? `${t(NAMES[status])}: ${note}` : t(NAMES[status])),
  );
}
