/** A worksheet in a report: it asks, checks and counts in the page, from what the file holds. */

import { filled } from "../lib/language/translate";
import { csv } from "../lib/page/files";
import type { OwnStore, SelectionStore } from "../lib/page/selection_store";
import type { Answer, Kind } from "../lib/wire/protocol";
import type { Source } from "../lib/wire/source";
import { type Asking, NOT_YET, question } from "../views/lessons/question";
import { type Sheet, worksheet } from "../views/lessons/worksheet";
import { createRoot } from "../widgets/shared/mount";
import type { Stored } from "./stored/bundle";

type Texts = Readonly<Record<string, string>>;

interface Question {
  kind: Asking["kind"];
  place: string;
  before: string;
  exercise: string;
  expected: string;
  truth: string;
  answer: number;
  tolerance: number;
  scale: { low: number; high: number; unit: string } | null;
  units: [layer: string, channel: number][];
  options: string[];
}

/** What `zfwidgets/lessons/stored.py` writes. */
interface About {
  name: string;
  title: string;
  intro: string;
  language: string;
  projector: boolean;
  words: Texts;
  says: Readonly<Record<string, Texts>>;
  channel: string;
  glossary: [string, string][];
  columns: string[];
  questions: Question[];
}

type Row = (string | number | null)[];

/** State of a widget that has no model. */
class Memory<S extends object> implements OwnStore<S> {
  private readonly listeners = new Set<() => void>();
  constructor(
    private state: S,
    private readonly heard: (values: Partial<S>) => void = () => {},
  ) {}
  get(): S {
    return this.state;
  }
  /** As the page sets it. */
  set(values: Partial<S>): void {
    this.put(values);
    this.heard(values);
  }
  put(values: Partial<S>): void {
    this.state = { ...this.state, ...values };
    for (const listener of [...this.listeners]) listener();
  }
  subscribe(listener: () => void, signal: AbortSignal): void {
    this.listeners.add(listener);
    signal.addEventListener("abort", () => this.listeners.delete(listener), { once: true });
  }
}

/** A source that has what one view asks for. */
function sourceOf(answer: (key: Record<string, unknown>) => Stored): Source {
  return {
    get: async <K extends Kind>(_kind: K, key: object) =>
      answer(key as Record<string, unknown>) as unknown as Answer<K>,
    prefetch: () => {},
    onRevival: () => () => {},
  };
}

/** As `Task.right` in Python. */
export function right(
  { kind, answer, tolerance, scale }: Pick<Question, "kind" | "answer" | "tolerance" | "scale">,
  given: number,
): boolean {
  if (kind === "choice") return given === answer;
  if (!scale) return false;
  const truth = Math.min(Math.max(answer, scale.low), scale.high);
  return Math.abs(given - truth) <= tolerance;
}

export function lesson(
  place: HTMLElement,
  stored: readonly Stored[],
  selection: SelectionStore,
  sheets: readonly string[],
  signal: AbortSignal,
): void {
  new Lesson(place, stored, selection, sheets, signal);
}

class Lesson {
  private readonly about: About;
  private readonly rows: Row[] = [];
  private readonly asking: Memory<Asking>[];
  private readonly boards: Memory<Sheet>[];
  private readonly tries: number[];

  constructor(
    place: HTMLElement,
    stored: readonly Stored[],
    private readonly selection: SelectionStore,
    sheets: readonly string[],
    signal: AbortSignal,
  ) {
    const [first, ...pictures] = stored;
    this.about = first?.data as About;
    const { questions, words, language, projector, title, intro } = this.about;
    this.tries = questions.map(() => 0);
    this.asking = questions.map(
      ({ kind, place: where, before }, number) =>
        new Memory<Asking>(
          {
            ...NOT_YET,
            question: `${number}.0`,
            kind,
            phase: "asked",
            before,
            place: where,
            words,
            language,
            projector,
          },
          (values) => this.heard(number, values),
        ),
    );
    this.boards = (["head", "foot"] as const).map(
      (part) =>
        new Memory<Sheet>(
          {
            worksheet: this.about.name,
            part,
            title,
            intro,
            says: "",
            answered: 0,
            asked: questions.length,
            resets: 0,
            projector,
            words,
            language,
          },
          (values) => this.told(values),
        ),
    );
    const [head, foot] = this.boards;
    const board = (store: Memory<Sheet> | undefined) => {
      if (!store) return;
      const root = createRoot(place, "worksheet-board", sheets, signal);
      worksheet(
        root,
        store,
        sourceOf(() => this.file()),
        signal,
      );
    };
    board(head);
    this.asking.forEach((store, number) => {
      const root = createRoot(place, "question", sheets, signal);
      const source = sourceOf(({ revealed }) => {
        const found = pictures[2 * number + (revealed ? 1 : 0)];
        if (!found) throw new Error("This worksheet lacks a question that it lists.");
        return found;
      });
      question(root, store, source, signal);
    });
    board(foot);
    const follow = () => {
      const unit = selection.get("unit");
      for (const store of this.asking) store.put({ chosen: unit ? `${unit[0]} : ${unit[1]}` : "" });
    };
    selection.subscribe("unit", follow, signal);
    follow();
    this.count();
  }

  private heard(number: number, values: Partial<Asking>): void {
    const asked = this.about.questions[number];
    if (!asked) return;
    if (values.given) this.answered(number, asked, ...values.given);
    if (values.checks) this.look(number, asked);
  }

  private answered(
    number: number,
    asked: Question,
    value: number | string,
    seconds: number | null,
  ): void {
    const { says } = this.about;
    if (typeof value === "string") {
      this.keep(number, asked, says["answer."]?.shown ?? "", false, seconds);
      this.reveal(number, false, asked.truth);
      return;
    }
    const correct = right(asked, value);
    const text = asked.kind === "choice" ? (asked.options[value] ?? "") : String(value);
    this.keep(number, asked, text, correct, seconds);
    const names = asked.kind === "choice" ? ["right", "wrong"] : ["close", "far"];
    const told = says["verdict."]?.[names[correct ? 0 : 1] ?? ""] ?? "";
    this.reveal(number, correct, `${filled(told, { given: Math.round(value) })} ${asked.truth}`);
  }

  /** As `judged` in Python. */
  private look(number: number, asked: Question): void {
    const texts = this.about.says["find_channel."] ?? {};
    const unit = this.selection.get("unit");
    const store = this.asking[number];
    if (!unit) {
      store?.put({ says: [texts.none ?? ""] });
      return;
    }
    const [layer, channel] = unit;
    const values = {
      channel: filled(this.about.channel, { layer, channel }),
      chosen: layer,
      layer: asked.units[0]?.[0] ?? "",
    };
    const found = asked.units.some(([one, other]) => one === layer && other === channel);
    this.keep(number, asked, `${layer}:${channel}`, found, null);
    if (found) {
      store?.put({ given: [channel, null] });
      this.reveal(number, true, `${filled(texts.right ?? "", values)} ${asked.truth}`);
      return;
    }
    const why = layer === values.layer ? texts.wrong : texts.layer;
    store?.put({ says: [filled(why ?? "", values)] });
  }

  private reveal(number: number, correct: boolean, says: string): void {
    this.asking[number]?.put({ says: [says], correct, phase: "answered" });
    this.count();
  }

  private keep(
    number: number,
    { exercise, expected }: Question,
    answer: string,
    correct: boolean,
    seconds: number | null,
  ): void {
    const attempt = (this.tries[number] ?? 0) + 1;
    this.tries[number] = attempt;
    const time = new Date().toISOString().replace(/\.\d+Z$/, "+00:00");
    const told = correct ? "True" : "False";
    const said = seconds === null ? null : seconds.toFixed(2);
    this.rows.push([
      this.about.name,
      number + 1,
      exercise,
      attempt,
      answer,
      expected,
      told,
      said,
      time,
    ]);
  }

  private file(): Stored {
    const { glossary, name, columns } = this.about;
    return { data: { glossary, csv: csv(columns, this.rows), name: `${name}.csv` }, buffers: [] };
  }

  private told(values: Partial<Sheet>): void {
    if (values.projector !== undefined) {
      for (const part of [...this.boards, ...this.asking])
        part.put({ projector: values.projector });
    }
    if (values.resets === undefined) return;
    this.asking.forEach((store, number) => {
      const again = `${number}.${values.resets}`;
      const fresh = { given: null, says: [], correct: null, checks: 0 };
      store.put({ ...fresh, question: again, phase: "asked" });
    });
    this.count();
  }

  /** As `Score.in_words` in Python. */
  private count(): void {
    const texts = this.about.says["score."] ?? {};
    const all = this.asking.map((store) => store.get());
    const answered = all.filter(({ phase }) => phase === "answered");
    const of = { asked: all.length, answered: answered.length, left: all.length - answered.length };
    const correct = answered.filter((one) => one.correct).length;
    let says = filled(texts.so_far ?? "", { ...of, right: correct });
    const share = correct / all.length;
    const how = of.left > 0 ? "left" : share === 1 ? "all" : share >= 0.6 ? "most" : "some";
    says = `${says} ${filled(texts[how] ?? "", of)}`;
    if (of.answered === 0) says = filled(texts.none ?? "", of);
    for (const board of this.boards) board.put({ says, answered: of.answered });
  }
}
