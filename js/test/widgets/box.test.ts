/** Boxes of ipywidgets in a page that has models of all widgets and views of anywidgets alone. */

import { describe, expect, it, vi } from "vitest";
import box from "../../src/widgets/box";
import { FakeModel, flush } from "../support/fakes";
import { all, one, onFakePage } from "../support/page";

onFakePage();

const CONTROLS = "@jupyter-widgets/controls";

/** A page: its models by id. What it shows of an anywidget is a root with its id. */
class FakePage {
  readonly models = new Map<string, FakeModel>();
  readonly views: { id: string; el: HTMLElement; signal: AbortSignal }[] = [];

  add(id: string, kind: string, state: Record<string, unknown> = {}, module = CONTROLS) {
    const layout = new FakeModel({ display: null, width: null });
    this.models.set(`${id}-layout`, layout);
    const model = new FakeModel({
      _model_name: `${kind}Model`,
      _model_module: module,
      _dom_classes: [],
      layout: `IPY_MODEL_${id}-layout`,
      ...state,
    });
    this.models.set(id, model);
    return model;
  }

  readonly host = {
    getModel: async (reference: string) => {
      const model = this.models.get(reference.replace("anywidget:", ""));
      if (!model) throw new Error(`there is no ${reference}`);
      return model;
    },
    getWidget: async (reference: string) => ({
      render: async ({ el, signal }: { el: HTMLElement; signal: AbortSignal }) => {
        const id = reference.replace("anywidget:", "");
        const root = document.createElement("div");
        root.className = "zf-root";
        root.dataset.id = id;
        expect(el.isConnected).toBe(true); // else a view can't see in whose shadow it stands
        el.append(root);
        this.views.push({ id, el, signal });
      },
    }),
  };

  async show(id: string) {
    const el = document.createElement("div");
    document.body.append(el);
    const view = new AbortController();
    const model = this.models.get(id) as FakeModel;
    await box.render({ model, el, signal: view.signal, host: this.host } as never);
    await flush();
    return { root: el.firstElementChild as HTMLElement, view, el };
  }
}

const children = (...ids: string[]) => ({ children: ids.map((id) => `IPY_MODEL_${id}`) });

/** One control in a box. */
async function shown(kind: string, state: Record<string, unknown>) {
  const page = new FakePage();
  const model = page.add("control", kind, state);
  page.add("box", "VBox", children("control"));
  const { root, view } = await page.show("box");
  return { page, model, root, view, place: root.firstElementChild as HTMLElement };
}

function set(element: HTMLInputElement | HTMLSelectElement, value: string, event = "change") {
  element.value = value;
  element.dispatchEvent(new Event(event));
}

describe("a box", () => {
  it("shows what is in it with ipywidgets' classes and those that Python adds", async () => {
    const page = new FakePage();
    page.add("text", "HTML", { value: "<b>bold</b> words" });
    const row = page.add("row", "HBox", { ...children("text"), _dom_classes: ["zf-running"] });
    page.add("box", "VBox", { ...children("row"), _dom_classes: ["zf-experiment"] });
    const { root } = await page.show("box");
    expect(root.matches(".zf-experiment.zf-boxes.jupyter-widgets.widget-vbox")).toBe(true);
    const inner = one(root, ":scope > .zf-running.widget-hbox.widget-box");
    expect(one(inner, ".widget-html > .widget-html-content > b").textContent).toBe("bold");
    row.set("_dom_classes", ["zf-running", "zf-under-way"]);
    expect(inner.matches(".zf-running.zf-under-way.widget-hbox")).toBe(true);
    row.set("_dom_classes", []);
    expect(inner.matches(".zf-running")).toBe(false);
  });

  it("has anywidgets show themselves, and tells a view that goes from one that stays", async () => {
    const page = new FakePage();
    for (const id of ["a", "b", "c"]) page.add(id, "Any", {}, "anywidget");
    const model = page.add("box", "VBox", children("a", "b"));
    const { root, view } = await page.show("box");
    const ids = () => all(root, ".zf-root").map(({ dataset }) => dataset.id);
    expect(ids()).toEqual(["a", "b"]);
    const kept = one(root, "[data-id=b]");
    model.set("children", children("c", "b").children);
    await flush();
    expect(ids()).toEqual(["c", "b"]);
    expect(one(root, "[data-id=b]")).toBe(kept);
    expect(page.views.map(({ id, signal }) => [id, signal.aborted])).toEqual([
      ["a", true],
      ["b", false],
      ["c", false],
    ]);
    view.abort();
    expect(page.views.every(({ signal }) => signal.aborted)).toBe(true);
    expect(root.isConnected).toBe(false);
    expect(model.listeners("change:children")).toBe(0);
  });

  it("follows layouts, which are models of their own", async () => {
    const { page, place } = await shown("HTML", { value: "x" });
    const layout = page.models.get("control-layout") as FakeModel;
    layout.set("display", "none");
    layout.set("min_width", "120px");
    expect([place.style.display, place.style.minWidth]).toEqual(["none", "120px"]);
    layout.set("display", null);
    expect(place.style.display).toBe("");
  });

  it("says in place what it can't show, and what is gone", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const page = new FakePage();
    page.add("figure", "Figure", {}, "bqplot");
    page.add("text", "HTML", { value: "still here" });
    page.add("box", "VBox", children("figure", "lost", "text"));
    const { root } = await page.show("box");
    const said = [...root.children].map(({ textContent }) => textContent);
    expect(said[0]).toContain("This page can't show bqplot.Figure");
    expect(said.slice(1)).toEqual(["Run this cell to bring it to life.", "still here"]);
  });

  it("needs a page that shows anywidgets in others", async () => {
    const page = new FakePage();
    const model = page.add("box", "VBox", children());
    const { getModel } = page.host;
    const context = { model, el: document.body, signal: new AbortController().signal };
    const rendered = box.render({ ...context, host: { getModel } } as never);
    await expect(rendered).rejects.toThrow("newer marimo");
  });
});

describe("a control", () => {
  it("that is a button tells its click", async () => {
    const { model, place } = await shown("Button", { description: "Start", disabled: false });
    const button = one<HTMLButtonElement>(place, "button.jupyter-button");
    expect(button.textContent).toBe("Start");
    button.click();
    expect(model.sent).toEqual([{ event: "click" }]);
    model.set("description", "Stop");
    model.set("disabled", true);
    expect([button.textContent, button.disabled]).toEqual(["Stop", true]);
  });

  it("that is a menu chooses, and follows what is chosen and what there is", async () => {
    const state = { _options_labels: ["one", "two", "three"], index: 1, description: "of" };
    const { model, place } = await shown("Dropdown", state);
    const select = one<HTMLSelectElement>(place, ".widget-dropdown > select");
    const label = one<HTMLLabelElement>(place, "label");
    expect([label.textContent, label.htmlFor]).toEqual(["of", select.id]);
    expect(select.selectedIndex).toBe(1);
    set(select, "three");
    expect([model.get("index"), model.saves]).toEqual([2, 1]);
    model.set("_options_labels", ["four"]);
    model.set("index", 0);
    expect([select.options.length, select.value]).toEqual([1, "four"]);
    model.set("index", null);
    expect(select.selectedIndex).toBe(-1);
  });

  it.each(["IntSlider", "FloatSlider"])("that is an %s slides in its range", async (kind) => {
    const state = { min: 2, max: 9, step: 1, value: 4, description: "photo", readout: true };
    const { model, place } = await shown(kind, state);
    const input = one<HTMLInputElement>(place, ".widget-slider .slider-container > input");
    const readout = one(place, ".widget-readout");
    expect([input.min, input.max, input.value, readout.textContent]).toEqual(["2", "9", "4", "4"]);
    set(input, "7", "input");
    expect([model.get("value"), readout.textContent]).toEqual([7, "7"]);
    model.set("max", 20);
    model.set("value", 20);
    expect([input.value, readout.textContent]).toEqual(["20", "20"]);
    model.set("readout", false);
    expect(readout.hidden).toBe(true);
  });

  it("that tells only where it is let go says so before, and sends nothing", async () => {
    const state = { min: 0, max: 9, step: 1, value: 4, continuous_update: false };
    const { model, place } = await shown("IntSlider", state);
    const input = one<HTMLInputElement>(place, "input");
    set(input, "6", "input");
    expect([model.get("value"), one(place, ".widget-readout").textContent]).toEqual([4, "6"]);
    set(input, "6");
    expect(model.get("value")).toBe(6);
  });

  it("that slides over names shows the name", async () => {
    const state = { _options_labels: ["0", "5 px", "9 px"], index: 1, readout: true };
    const { model, place } = await shown("SelectionSlider", state);
    const input = one<HTMLInputElement>(place, "input");
    expect([input.max, one(place, ".widget-readout").textContent]).toEqual(["2", "5 px"]);
    set(input, "2", "input");
    expect(model.get("index")).toBe(2);
    expect(input.getAttribute("aria-valuetext")).toBe("9 px");
  });

  it("that is a bar shows how far it is", async () => {
    const { model, place } = await shown("IntProgress", { min: 0, max: 8, value: 2 });
    const bar = one(place, ".widget-hprogress .progress > .progress-bar");
    expect(bar.style.width).toBe("25%");
    model.set("value", 8);
    expect(bar.style.width).toBe("100%");
  });
});

describe("what plays", () => {
  const STATE = { min: 0, max: 2, step: 1, value: 0, interval: 700, playing: false, repeat: false };

  it("goes on until its end, stops, and leaves no clock behind", async () => {
    const { model, place, view } = await shown("Play", STATE);
    const [play, stop] = all<HTMLButtonElement>(place, "button");
    play?.click();
    expect([model.get("playing"), play?.title]).toEqual([true, "Pause"]);
    await vi.advanceTimersByTimeAsync(1450);
    expect(model.get("value")).toBe(2);
    await vi.advanceTimersByTimeAsync(700);
    expect([model.get("value"), model.get("playing"), play?.title]).toEqual([2, false, "Play"]);
    play?.click(); // from the end it begins again
    expect(model.get("value")).toBe(0);
    await vi.advanceTimersByTimeAsync(750);
    stop?.click();
    expect([model.get("value"), model.get("playing")]).toEqual([0, false]);
    play?.click();
    view.abort();
    expect([model.get("playing"), vi.getTimerCount()]).toEqual([false, 0]);
  });

  it("moves what is linked to it, and is moved by it; neither before the other", async () => {
    const page = new FakePage();
    const play = page.add("play", "Play", { ...STATE, max: 5 });
    const time = page.add("time", "IntSlider", { min: 0, max: 5, value: 5 });
    page.add("link", "Link", {
      source: ["IPY_MODEL_play", "value"],
      target: ["IPY_MODEL_time", "value"],
    });
    page.add("box", "VBox", { ...children("play", "time"), _links: ["anywidget:link"] });
    const { view } = await page.show("box");
    expect([play.get("value"), time.get("value")]).toEqual([0, 5]);
    play.set("value", 3);
    expect([time.get("value"), time.saves]).toEqual([3, 1]);
    time.set("value", 1);
    expect(play.get("value")).toBe(1);
    view.abort();
    play.set("value", 4);
    expect(time.get("value")).toBe(1);
  });
});
