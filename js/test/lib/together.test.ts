import { describe, expect, it } from "vitest";
import { together } from "../../src/lib/wire/together";
import { flush } from "../support/fakes";

/** A channel that keeps what was said: the message, and with how many buffers. */
function heard(dead = false) {
  const said: [unknown, number][] = [];
  const channel = together({
    send(content, _, buffers = []) {
      if (dead) throw new Error("Cannot send");
      said.push([content, buffers.length]);
    },
    on() {},
    off() {},
  });
  return { said, channel };
}

describe("what a task of the page has to say", () => {
  it("goes out once it is done, as one message in its order", async () => {
    const { said, channel } = heard();
    for (const slot of ["a", "b", "c"]) channel.send({ op: "get", slot });
    expect(said).toEqual([]);
    await flush();
    const of = ["a", "b", "c"].map((slot) => ({ op: "get", slot }));
    expect(said).toEqual([[{ zf: 1, op: "all", of }, 0]]);
    channel.send({ op: "cancel", slot: "a" });
    await flush();
    expect(said.slice(1)).toEqual([[{ op: "cancel", slot: "a" }, 0]]);
  });

  it("keeps its order where something has buffers", async () => {
    const { said, channel } = heard();
    channel.send({ op: "get" });
    channel.send({ op: "add" }, undefined, [new ArrayBuffer(2)]);
    channel.send({ op: "cancel" });
    await flush();
    expect(said).toEqual([
      [{ op: "get" }, 0],
      [{ op: "add" }, 1],
      [{ op: "cancel" }, 0],
    ]);
  });

  it("is lost in silence where the connection is dead", async () => {
    const { channel } = heard(true);
    channel.send({ op: "get" });
    await flush();
  });
});
