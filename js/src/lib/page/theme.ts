/**
 * Light or dark. Inside JupyterLab its theme decides, and so does marimo's in its pages; elsewhere
 * the browser's preference.
 *
 * Style sheets follow `--jp-*` variables by themselves; `data-zf-theme` on the root is for what
 * these can't say (fallback colours, native controls), `onTheme` for pixels on a canvas.
 */

type Theme = "light" | "dark";

export function currentTheme(): Theme {
  const jupyter = document.body.dataset.jpThemeLight;
  if (jupyter !== undefined) return jupyter === "false" ? "dark" : "light";
  const marimo = document.body.dataset.theme;
  if (marimo === "dark" || marimo === "light") return marimo;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Calls back now and at every change. */
export function onTheme(callback: (theme: Theme) => void, signal: AbortSignal): void {
  const tell = () => callback(currentTheme());
  const observer = new MutationObserver(tell);
  observer.observe(document.body, {
    attributes: true,
    attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "data-theme"],
  });
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell, { signal });
  tell();
}
