/** What of a scrolled element is in sight, without having the page laid out to learn it. */

/**
 * An element's extent and how far it is scrolled, as of the last frame. The element itself, asked
 * after anything on the page has changed, has all of the page laid out first.
 */
export class InSight {
  private known = false;
  private now = { width: 0, height: 0, top: 0, left: 0 };

  /** `resized` and `scrolled` are called when these have changed. */
  constructor(
    private readonly element: HTMLElement,
    resized: () => void,
    scrolled: () => void,
    signal: AbortSignal,
  ) {
    const observer = new ResizeObserver(() => {
      this.now = this.read();
      this.known = true;
      resized();
    });
    observer.observe(element);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
    const onScroll = () => {
      this.now = this.read();
      scrolled();
    };
    element.addEventListener("scroll", onScroll, { passive: true, signal });
  }

  private read() {
    const { clientWidth, clientHeight, scrollTop, scrollLeft } = this.element;
    return { width: clientWidth, height: clientHeight, top: scrollTop, left: scrollLeft };
  }

  private get seen() {
    return this.known ? this.now : this.read();
  }

  /** CSS pixels; zero before it is laid out. */
  get width(): number {
    return this.seen.width;
  }

  /** CSS pixels; zero before it is laid out. */
  get height(): number {
    return this.seen.height;
  }

  get top(): number {
    return this.seen.top;
  }

  set top(top: number) {
    this.element.scrollTop = top;
    this.now = this.read();
  }

  get left(): number {
    return this.seen.left;
  }

  set left(left: number) {
    this.element.scrollLeft = left;
    this.now = this.read();
  }

  /**
   * Scroll down or up by whole rows, so that none is cut above, until one is in sight; whether that
   * moved anything. Of no row (NaN) it doesn't.
   */
  scrollToRow(row: number, high: number, height: number): boolean {
    const top = row * high;
    const bottom = top + high - height;
    if (this.top > top) this.top = top;
    else if (this.top < bottom) this.top = Math.min(top, Math.ceil(bottom / high) * high);
    else return false;
    return true;
  }
}
