/** What one task of the page has to say to a widget's kernel goes out as one message. */

import type { Channel } from "./kernel_source";
import type { All } from "./protocol";

/**
 * The same channel, for messages of ours. For each message the server and the page show that the
 * kernel is busy, and that it no longer is: in JupyterLab as much work as showing a channel.
 */
export function together(channel: Channel): Channel {
  const unsaid: All["of"] = [];
  const speak = () => {
    const of = unsaid.splice(0);
    try {
      if (of.length > 0) channel.send(of.length > 1 ? { zf: 1, op: "all", of } : of[0]);
    } catch {
      // A dead connection shows as silence, and silence is handled.
    }
  };
  return {
    send(content, callbacks, buffers = []) {
      if (buffers.length > 0) {
        speak(); // in order
        channel.send(content, callbacks, buffers);
      } else if (unsaid.push(content as All["of"][number]) === 1) queueMicrotask(speak);
    },
    on: (event, callback) => channel.on(event, callback),
    off: (event, callback) => channel.off(event, callback),
  };
}
