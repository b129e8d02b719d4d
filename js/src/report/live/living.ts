/** The network of a report, in a worker of the page: opened once, asked by all views. */

import { t } from "../../lib/language/translate";
import type { Baseline, Operation, RuleInfo } from "../../lib/wire/protocol";
import { Superseded } from "../../lib/wire/source";
import { whileWanted } from "../../lib/wire/wanting";
import type { Bundle } from "../stored/bundle";
import worker from "./looking/main?worker";
import type { Found, FromWorker, Task, ToWorker } from "./looking/tasks";
import type { Program } from "./network/program";
import type { Kind } from "./network/weights";
import type { Step } from "./photos/prepare";

/** What a report's manifest says of its network: zfwidgets/reports/writing/alive.py. */
export interface Network {
  program: Program;
  /** Where each array of weights lies: a part, and its number there. */
  weights: [part: string, at: number, kind: Kind][];
  preparation: Step[] | null;
  no_preparation: string;
  levels: number[][];
  baselines: Record<string, number[]>;
  rules: RuleInfo[];
  /** What lies below each layer, by rule. */
  operations: Record<string, Record<string, Operation[]>>;
  cost: { precision: string; tried: number; kept: number; largest: number; classes: boolean };
  licence: string;
}

interface Waiting {
  resolve(found: Found): void;
  reject(error: Error): void;
  partial?: ((found: Found) => void) | undefined;
  progress?: ((done: number, total: number, secondsLeft: number | null) => void) | undefined;
}

export interface Asking {
  priority: number;
  signal: AbortSignal;
  partial?: Waiting["partial"];
  progress?: Waiting["progress"];
}

export type { Baseline };

export class Living {
  /** Resolves to why products are plain JavaScript, "" if they aren't; rejects if nothing runs. */
  readonly ready: Promise<string>;
  private worker: Worker | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;

  constructor(
    bundle: Bundle,
    readonly network: Network,
    noClasses: string,
  ) {
    this.ready = this.open(bundle, noClasses);
    this.ready.catch(() => {}); // whoever asks hears of it
  }

  private async open(bundle: Bundle, noClasses: string): Promise<string> {
    const { program, preparation, levels, baselines, weights } = this.network;
    const arrays: DataView[] = [];
    for (const [part, at] of weights) {
      const [view] = (await bundle.part(part))[at]?.buffers ?? [];
      if (!view) throw new Error(`Part “${part}” of this report lacks weights that it lists.`);
      arrays.push(view);
    }
    return new Promise((resolve, reject) => {
      const url = URL.createObjectURL(new Blob([worker], { type: "text/javascript" }));
      const fail = (why: string) => {
        const error = new Error(why);
        reject(error);
        for (const one of this.waiting.values()) one.reject(error);
        this.waiting.clear();
      };
      try {
        this.worker = new Worker(url);
      } catch (error) {
        fail(error instanceof Error ? error.message : String(error));
        return;
      }
      this.worker.onerror = (event) => fail(event.message || "this page may start no worker");
      this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
        if (data.op === "ready") resolve(data.plain);
        else if (data.op === "failed") fail(data.message);
        else this.hear(data);
      };
      this.post({
        op: "open",
        program,
        arrays: arrays.map((view) => new DataView(copied(view))),
        kinds: weights.map(([, , kind]) => kind),
        preparation: { steps: preparation, levels },
        baselines,
        noClasses,
      });
    });
  }

  private post(message: ToWorker): void {
    this.worker?.postMessage(message);
  }

  private hear(message: Exclude<FromWorker, { op: "ready" | "failed" }>): void {
    const one = this.waiting.get(message.id);
    if (!one) return;
    if (message.op === "partial") one.partial?.(message);
    else if (message.op === "progress") {
      one.progress?.(message.done, message.total, message.secondsLeft);
    } else {
      this.waiting.delete(message.id);
      if (message.op === "reply") one.resolve(message);
      else one.reject(new Error(t(message.message, message.values)));
    }
  }

  /** Ask; whose signal aborts isn't answered, and nothing more is computed for them. */
  async ask(task: Task, { priority, signal, partial, progress }: Asking): Promise<Found> {
    await this.ready;
    if (signal.aborted) throw new Superseded();
    const id = this.next++;
    return new Promise((resolve, reject) => {
      const leave = () => {
        if (!this.waiting.delete(id)) return;
        this.post({ op: "cancel", id });
        reject(new Superseded());
      };
      this.waiting.set(id, {
        ...whileWanted<Found>(signal, leave, resolve, reject),
        partial,
        progress,
      });
      this.post({ op: "ask", id, priority, task });
    });
  }
}

/** Without the rest of the part that it lies in. */
function copied(view: DataView): ArrayBuffer {
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) as ArrayBuffer;
}
