/** A kernel's end of the wire, to be played by hand. */

import type { Cancel, Kind, Message, Request } from "../../src/lib/wire/protocol";

type Callback = (content: unknown, buffers: DataView[]) => void;

/** A model as anywidget hands it out: state, change events and custom messages. */
export class FakeModel {
  /** What was said, one by one: several things may have gone out as one message. */
  readonly sent: (Request | Cancel)[] = [];
  messages = 0;
  saves = 0;
  dead = false;
  private readonly callbacks = new Map<string, Set<Callback>>();

  constructor(private readonly state: Record<string, unknown> = {}) {}

  get(name: string): unknown {
    return this.state[name];
  }

  set(name: string, value: unknown): void {
    this.state[name] = value;
    this.emit(`change:${name}`);
  }

  save_changes(): void {
    this.saves += 1;
  }

  /** What came with each message that had any. */
  readonly buffers: ArrayBuffer[] = [];

  send(content: unknown, _callbacks?: unknown, buffers: ArrayBuffer[] = []): void {
    if (this.dead) throw new Error("Cannot send");
    this.buffers.push(...buffers);
    this.messages += 1;
    // What crosses the wire is JSON.
    const message = JSON.parse(JSON.stringify(content));
    this.sent.push(...(message.op === "all" ? message.of : [message]));
  }

  on(event: string, callback: Callback): void {
    const set = this.callbacks.get(event) ?? new Set();
    this.callbacks.set(event, set.add(callback));
  }

  off(event: string, callback: Callback): void {
    this.callbacks.get(event)?.delete(callback);
  }

  listeners(event: string): number {
    return this.callbacks.get(event)?.size ?? 0;
  }

  emit(event: string, content: unknown = undefined, buffers: DataView[] = []): void {
    for (const callback of [...(this.callbacks.get(event) ?? [])]) callback(content, buffers);
  }

  get gets(): Request[] {
    return this.sent.filter((message): message is Request => message.op === "get");
  }

  get cancels(): Cancel[] {
    return this.sent.filter((message): message is Cancel => message.op === "cancel");
  }

  /** The newest request of a kind. */
  request(kind: Kind): Request {
    const found = this.gets.filter((request) => request.kind === kind).at(-1);
    if (!found) throw new Error(`nobody asked for ${kind}: ${JSON.stringify(this.sent)}`);
    return found;
  }

  answer(request: Request, op: Message["op"], data: unknown, buffers: DataView[] = []): void {
    const { view, slot, kind, key } = request;
    this.emit("msg:custom", { zf: 1, op, view, slot, kind, key, data }, buffers);
  }
}

/** Let promises settle, without timers. */
export async function flush(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

/** Bytes as they arrive: a window at an odd offset of a larger buffer. */
export function windowOn(bytes: Uint8Array, offset = 3): DataView {
  const large = new Uint8Array(bytes.length + offset + 5).fill(0xee);
  large.set(bytes, offset);
  return new DataView(large.buffer, offset, bytes.length);
}

export function numbers(array: Float32Array | Int32Array): DataView {
  return windowOn(new Uint8Array(array.buffer as ArrayBuffer));
}

/** Where no pictures can be read: all of them are grey. */
export class BlankCanvas {
  constructor(
    readonly width: number,
    readonly height: number,
  ) {}
  getContext() {
    const data = new Uint8ClampedArray(this.width * this.height * 4).fill(128);
    return { drawImage() {}, getImageData: () => ({ data }) };
  }
}
