/** Runs in a worker of the page: opens the network, and answers one question after the other. */

import { Matrices } from "../network/matrices";
import { Network } from "../network/network";
import { weightsOf } from "../network/weights";
import type { Rgb } from "../photos/resize";
import { msg, Told } from "../told";
import { Looking, type Steps } from "./looking";
import type { FromWorker, Opening, ToWorker } from "./tasks";

interface Scope {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

interface Job {
  id: number;
  priority: number;
  message: ToWorker & { op: "ask" };
  stopped: boolean;
}

class Stopped extends Error {}

/** Milliseconds of computing after which messages are looked at. */
const TURN_MS = 12;

async function decode(file: Uint8Array<ArrayBuffer>, name: string, most: number) {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(new Blob([file]), { colorSpaceConversion: "none" });
  } catch {
    throw new Told(msg("{name}: not a picture that this browser can read."), { name });
  }
  const { width, height } = bitmap;
  try {
    if (width * height > most) {
      throw new Told(
        msg(
          "{name}: {width} × {height} pixels, and a photo may have {most} million: make it smaller.",
        ),
        { name, width, height, most: most / 1e6 },
      );
    }
    const context = new OffscreenCanvas(width, height).getContext("2d", {
      willReadFrequently: true,
    });
    if (!context) throw new Error("This browser offers no 2D canvas.");
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const pixels = new Uint8Array(width * height * 3);
    let clear = false;
    for (let i = 0, to = 0; i < data.length; i += 4) {
      const alpha = data[i + 3] as number;
      if (alpha < 255) clear = true;
      for (let c = 0; c < 3; c++) {
        // Laid on white, as the engine does.
        pixels[to++] = Math.round(((data[i + c] as number) * alpha + 255 * (255 - alpha)) / 255);
      }
    }
    const notes = clear ? [msg("Its transparent parts are laid on white.")] : [];
    return { photo: { rows: height, columns: width, pixels } satisfies Rgb, notes };
  } finally {
    bitmap.close();
  }
}

export function serve(scope: Scope): void {
  const waiting: Job[] = [];
  let looking: Looking | null = null;
  let busy = false;
  let since = 0;
  const turns = new MessageChannel();
  const resumes: (() => void)[] = [];
  turns.port1.onmessage = () => resumes.shift()?.();
  /** Let messages in. */
  const turn = () =>
    new Promise<void>((resolve) => {
      resumes.push(resolve);
      turns.port2.postMessage(null);
    });

  async function run(job: Job): Promise<void> {
    const say = (message: FromWorker, buffers: ArrayBuffer[] = []) => {
      if (!job.stopped) scope.postMessage(message, buffers);
    };
    const steps: Steps = {
      breathe: async () => {
        if (performance.now() - since > TURN_MS) {
          await turn();
          since = performance.now();
        }
        // What is more urgent doesn't wait for what takes long.
        for (let next = take(job.priority); next; next = take(job.priority)) await run(next);
        if (job.stopped) throw new Stopped();
      },
      partial: ({ data, buffers }) => say({ op: "partial", id: job.id, data, buffers }, buffers),
      progress: (done, total, secondsLeft) =>
        say({ op: "progress", id: job.id, done, total, secondsLeft }),
    };
    running.push(job);
    try {
      if (!looking) throw new Error("The network isn't open.");
      const { data, buffers } = await looking.answer(job.message.task, steps);
      say({ op: "reply", id: job.id, data, buffers }, buffers);
    } catch (error) {
      if (error instanceof Stopped) return;
      const message = error instanceof Error ? error.message : String(error);
      say({ op: "error", id: job.id, message, values: error instanceof Told ? error.values : {} });
    } finally {
      running.splice(running.indexOf(job), 1);
    }
  }

  const running: Job[] = [];
  /** The most urgent of those that wait, if it is more urgent than this. */
  function take(than: number): Job | undefined {
    const [first] = waiting.sort((a, b) => a.priority - b.priority || a.id - b.id);
    return first && first.priority < than ? waiting.shift() : undefined;
  }

  async function work(): Promise<void> {
    if (busy) return;
    busy = true;
    since = performance.now();
    for (let job = take(Number.POSITIVE_INFINITY); job; job = take(Number.POSITIVE_INFINITY)) {
      await run(job);
      await turn();
    }
    busy = false;
  }

  /** While nobody asks; stops when somebody does. */
  async function warm(): Promise<void> {
    const breathe = async () => {
      await turn();
      if (busy || waiting.length > 0) throw new Stopped();
    };
    try {
      await looking?.warm(breathe);
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
  }

  async function open(message: Opening): Promise<void> {
    try {
      const { program, preparation, baselines, noClasses } = message;
      const arrays = weightsOf(program, message.arrays, message.kinds);
      const matrices = await Matrices.open();
      const network = new Network(program, arrays, matrices);
      looking = new Looking(network, preparation, baselines, noClasses, decode);
      scope.postMessage({ op: "ready", plain: matrices.plain });
      void work().then(warm);
    } catch (error) {
      scope.postMessage({
        op: "failed",
        message: error instanceof Error ? error.message : String(error),
      });
    }
  }

  scope.onmessage = ({ data: message }) => {
    if (message.op === "open") void open(message);
    else if (message.op === "ask") {
      waiting.push({ id: message.id, priority: message.priority, message, stopped: false });
      if (looking) void work();
    } else {
      for (const job of running) if (job.id === message.id) job.stopped = true;
      const at = waiting.findIndex(({ id }) => id === message.id);
      if (at >= 0) waiting.splice(at, 1);
    }
  };
}
