/** What each rule answers, in one line (docs/projections.md has the whole table). */

export interface RuleText {
  name: string;
  answers: string;
}

const RULES: Record<string, RuleText> = {
  deconvnet: {
    name: "deconvnet (paper)",
    answers:
      "Which pattern, through this image's max-pool switches, drives the unit: at rectifiers only " +
      "positive signal goes down, whether they were active or not.",
  },
  guided: {
    name: "guided backprop",
    answers:
      "Which pixels raise the unit, without what lowers it: at rectifiers only positive signal " +
      "goes down, and only where they were active.",
  },
  gradient: {
    name: "plain gradient",
    answers:
      "How the unit changes with each pixel, to first order, what raises and what lowers it; " +
      "times its activation.",
  },
  "grad-cam": {
    name: "Grad-CAM",
    answers: "Where in the image, coarsely, is what raises the unit: a place, no pattern.",
  },
  lrp: {
    name: "LRP",
    answers: "How the unit's activation is shared out over the pixels, layer by layer.",
  },
};

/** The text of a rule; one of the user's own is called by its name. */
export function ruleText(rule: string): RuleText {
  return RULES[rule] ?? { name: rule, answers: `Rule “${rule}”, of your own.` };
}
