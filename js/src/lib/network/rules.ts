/** What a rule of projections is, in the words that the kernel has for it. */

import type { Catalogue, RuleInfo } from "../wire/protocol";

/** A rule of the catalogue; of one that it has no words for, its name alone. */
export function ruleOf(catalogue: Catalogue | null, name: string): RuleInfo {
  const unknown = { name, title: name, answers: "", reads_forward: null, status_note: "" };
  return catalogue?.rule_info?.[name] ?? unknown;
}
