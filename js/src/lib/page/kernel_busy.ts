/** Whether a notebook's page shows that its kernel runs a cell: then no answer is only late. */

/** The marks of JupyterLab and Notebook 7, and of nbclassic. */
const INDICATOR = ".jp-Notebook-ExecutionIndicator[data-status]";
const CLASSIC = "#kernel_indicator_icon";

/** null: the page doesn't show it. */
export function kernelBusy(view: Element): boolean | null {
  const own = view.closest(".jp-NotebookPanel")?.querySelector<HTMLElement>(INDICATOR);
  const mark = own ?? document.querySelector<HTMLElement>(INDICATOR);
  if (mark) return mark.dataset.status === "busy";
  return document.querySelector(CLASSIC)?.classList.contains("kernel_busy_icon") ?? null;
}
