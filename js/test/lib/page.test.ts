import { afterEach, describe, expect, it, vi } from "vitest";
import { gridStep } from "../../src/lib/page/a11y";
import { number, percent, timeLeft } from "../../src/lib/page/format";
import { InSight } from "../../src/lib/page/in_sight";

afterEach(() => void vi.unstubAllGlobals());

describe("keys in a grid", () => {
  it("move by one, by a row, by a page, and to the ends", () => {
    const to = (key: string, from: number) => gridStep(key, from, 11, 4, 2);
    expect(to("ArrowRight", 3)).toBe(4);
    expect(to("ArrowLeft", 3)).toBe(2);
    expect(to("ArrowDown", 3)).toBe(7);
    expect(to("ArrowUp", 7)).toBe(3);
    expect(to("Home", 7)).toBe(0);
    expect(to("End", 3)).toBe(10);
    expect(to("PageDown", 1)).toBe(9);
    expect(to("PageDown", 6)).toBe(10);
    expect(to("PageUp", 3)).toBe(0);
  });

  it("stay inside, and leave other keys to others", () => {
    expect(gridStep("ArrowDown", 8, 11, 4)).toBe(8);
    expect(gridStep("ArrowLeft", 0, 11, 4)).toBe(0);
    expect(gridStep("ArrowRight", 10, 11, 4)).toBe(10);
    expect(gridStep("Enter", 3, 11, 4)).toBeNull();
    expect(gridStep("ArrowDown", 0, 0, 4)).toBeNull();
  });
});

describe("numbers for the eye", () => {
  it("have three digits and no false precision", () => {
    expect([0, 0.0173, 8.1234, 21.37, 812.4, -3.5].map(number)).toEqual([
      "0",
      "0.0173",
      "8.12",
      "21.4",
      "812",
      "-3.5",
    ]);
    expect(number(123456)).toBe("1.23e5");
    expect(number(Number.NaN)).toBe("–");
  });

  it("say when a share is nearly nothing or all", () => {
    expect([0, 0.0004, 0.052, 0.43, 0.9999, 1].map(percent)).toEqual([
      "0 %",
      "<0.1 %",
      "5.2 %",
      "43 %",
      ">99.9 %",
      "100 %",
    ]);
  });

  it("give time left in the unit that matters, or nothing", () => {
    expect([0.4, 12.2, 150, 9000, null].map(timeLeft)).toEqual([
      "less than 1 s left",
      "12 s left",
      "3 min left",
      "3 h left",
      "",
    ]);
  });
});

describe("what of an element is in sight", () => {
  it("is known without asking the page again, until it changes", () => {
    let resize = () => {};
    const disconnect = vi.fn();
    vi.stubGlobal(
      "ResizeObserver",
      class {
        constructor(callback: () => void) {
          resize = callback;
        }
        observe() {}
        disconnect = disconnect;
      },
    );
    let width = 0;
    const widthNow = vi.fn(() => width);
    const element = new EventTarget() as HTMLElement;
    let scrolledTo = 0;
    Object.defineProperties(element, {
      clientWidth: { get: widthNow },
      clientHeight: { value: 100 },
      scrollLeft: { value: 0 },
      // As a browser: no further than its content goes.
      scrollTop: { get: () => scrolledTo, set: (to: number) => (scrolledTo = Math.min(to, 500)) },
    });
    const going = new AbortController();
    const told: string[] = [];
    const inSight = new InSight(
      element,
      () => told.push("resized"),
      () => told.push("scrolled"),
      going.signal,
    );
    expect(inSight.width).toBe(0); // not laid out yet: asked each time
    width = 300;
    expect(inSight.width).toBe(300);
    resize();
    widthNow.mockClear();
    expect([inSight.width, inSight.height, inSight.top]).toEqual([300, 100, 0]);
    expect(inSight.scrollToRow(1, 20, 100)).toBe(false);
    expect(widthNow).not.toHaveBeenCalled();
    expect(inSight.scrollToRow(20, 20, 100)).toBe(true); // as few rows as show it
    expect([inSight.top, scrolledTo]).toEqual([320, 320]);
    inSight.top = 900;
    expect(inSight.top).toBe(500);
    scrolledTo = 40; // by the user
    element.dispatchEvent(new Event("scroll"));
    expect(inSight.top).toBe(40);
    expect(told).toEqual(["resized", "scrolled"]);
    going.abort();
    element.dispatchEvent(new Event("scroll"));
    expect(told).toHaveLength(2);
    expect(disconnect).toHaveBeenCalledOnce();
  });
});
