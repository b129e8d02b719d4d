/** Whether everything that a widget has asked for is painted: `data-zf-settled` on its root. */

import { nextFrame } from "./selection_store";

const BY_ROOT = new WeakMap<Element, Settled>();

export class Settled {
  private open = 0;

  constructor(private readonly root: HTMLElement) {
    BY_ROOT.set(root, this);
    root.dataset.zfSettled = "false";
    // True at the earliest after the views had their chance to ask.
    nextFrame(this.begin());
  }

  /** Something is outstanding until the returned function is called. */
  begin(): () => void {
    this.open += 1;
    this.root.dataset.zfSettled = "false";
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.open -= 1;
      if (this.open === 0) this.root.dataset.zfSettled = "true";
    };
  }

  /** Outstanding until `work` is done and its frame drawn. */
  async during<T>(work: Promise<T>): Promise<T> {
    const end = this.begin();
    try {
      return await work;
    } finally {
      nextFrame(end);
    }
  }
}

/** The counter of the widget that `element` belongs to. */
export function settledOf(element: Element): Settled {
  const root = element.closest<HTMLElement>(".zf-root");
  if (!root) throw new Error("A view's element belongs into an element of class zf-root.");
  return BY_ROOT.get(root) ?? new Settled(root);
}

/**
 * What holds all that an element's view is about: its widget's root or, in a widget of two networks,
 * the head of its side.
 */
export function homeOf(element: Element): Element | null {
  const root = element.closest(".zf-root");
  const side = element.closest<HTMLElement>("[data-zf-side]")?.dataset.zfSide;
  if (side === undefined) return root;
  return root?.querySelector(`[data-zf-head="${side}"]`) ?? root;
}
