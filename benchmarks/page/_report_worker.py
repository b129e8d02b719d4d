"""A live report's worker, listened to and asked from outside of the page's own code."""

from __future__ import annotations


def tap(heard: str) -> str:
    """A script for before a page loads: its worker is ``tapped``, and calls a function.

    Parameters
    ----------
    heard
        JavaScript, called with each message of the worker's, and with what it answers: the entry
        {task, began} of ``tapped.asked`` under the message's id, undefined where there is none.
    """
    return f"""(heard => {{
  const Plain = Worker;
  globalThis.Worker = class extends Plain {{
    asked = new Map();
    constructor(url) {{
      super(url);
      globalThis.tapped = this;
      this.addEventListener("message", ({{ data }}) => heard(data, this.asked.get(data.id)));
    }}
    postMessage(message, ...rest) {{
      if (message.op === "ask") {{
        this.asked.set(message.id, {{ task: message.task, began: performance.now() }});
      }}
      super.postMessage(message, ...rest);
    }}
  }};
}})({heard});"""
