import { afterEach, describe, expect, it, vi } from "vitest";
import { currentTheme, onTheme } from "../../src/lib/page/theme";

afterEach(() => {
  delete document.body.dataset.jpThemeLight;
  delete document.body.dataset.theme;
  vi.unstubAllGlobals();
});

/** A browser that prefers dark or light. */
function prefers(dark: boolean): void {
  vi.stubGlobal("matchMedia", () => ({ matches: dark, addEventListener() {} }));
}

describe("light and dark", () => {
  it.each([
    ["the browser's preference", {}, true, "dark"],
    ["the browser's preference", {}, false, "light"],
    ["JupyterLab's", { jpThemeLight: "true" }, true, "light"],
    ["JupyterLab's", { jpThemeLight: "false" }, false, "dark"],
    ["marimo's", { theme: "light" }, true, "light"],
    ["marimo's", { theme: "dark" }, false, "dark"],
    ["the browser's where a page says neither", { theme: "auto" }, true, "dark"],
  ])("is %s: %o", (_whose, data, dark, theme) => {
    prefers(dark);
    Object.assign(document.body.dataset, data);
    expect(currentTheme()).toBe(theme);
  });

  it("follows marimo's page until the view goes", async () => {
    prefers(false);
    const view = new AbortController();
    const heard: string[] = [];
    onTheme((theme) => heard.push(theme), view.signal);
    document.body.dataset.theme = "dark";
    await new Promise((resolve) => setTimeout(resolve));
    expect(heard).toEqual(["light", "dark"]);
    view.abort();
    document.body.dataset.theme = "light";
    await new Promise((resolve) => setTimeout(resolve));
    expect(heard).toEqual(["light", "dark"]);
  });
});
