/** Draw which part of the occluder covers: a grid of 16 x 16 cells, by pointer or keys. */

import { announce, gridStep } from "../../lib/a11y";
import { h, uniqueId } from "../../lib/dom";
import { cells, ellipse, encode, SIDE } from "../../lib/mask";

/** The editor's elements; `changed` is told each new mask, which never is empty. */
export function maskEditor(mask: string | null, changed: (mask: string | null) => void): Node[] {
  let covered = cells(mask);
  let cursor = 0;
  const id = uniqueId("mask");
  const boxes = covered.map((_, i) =>
    h("span", { class: "zf-mask-cell", role: "gridcell", id: `${id}-${i}` }),
  );
  const rows = Array.from({ length: SIDE }, (_, row) =>
    h("div", { role: "row" }, ...boxes.slice(row * SIDE, (row + 1) * SIDE)),
  );
  const said = h("p", { class: "zf-mask-said", role: "status" });
  const grid = h(
    "div",
    {
      class: "zf-mask",
      role: "grid",
      tabindex: 0,
      "aria-label": "Mask of the occluder: arrows walk, Space covers or uncovers, Shift draws",
      "aria-multiselectable": "true",
    },
    ...rows,
  );
  const draw = () => {
    boxes.forEach((box, i) => {
      box.setAttribute("aria-selected", String(covered[i]));
      box.classList.toggle("zf-here", i === cursor);
    });
    grid.setAttribute("aria-activedescendant", `${id}-${cursor}`);
    const n = covered.filter(Boolean).length;
    said.textContent =
      n === 0 ? "A mask must cover something: draw at least one cell." : `${n} of 256 cells cover.`;
  };
  const tell = () => {
    if (covered.some(Boolean)) changed(encode(covered));
  };
  const put = (next: boolean[]) => {
    covered = next;
    draw();
    tell();
  };

  // A stroke does to all cells what it does to the first.
  let stroke: boolean | null = null;
  const under = (event: PointerEvent) => {
    const area = grid.getBoundingClientRect();
    const at = (value: number, from: number, length: number) =>
      Math.floor(((value - from) / (length || 1)) * SIDE);
    const row = at(event.clientY, area.top, area.height);
    const col = at(event.clientX, area.left, area.width);
    const inside = row >= 0 && row < SIDE && col >= 0 && col < SIDE;
    return inside ? row * SIDE + col : -1;
  };
  const paint = (cell: number) => {
    if (cell === -1 || stroke === null) return;
    cursor = cell;
    covered[cell] = stroke;
    draw();
  };
  grid.addEventListener("pointerdown", (event) => {
    const cell = under(event);
    if (event.button !== 0 || cell === -1) return;
    grid.setPointerCapture(event.pointerId);
    stroke = !covered[cell];
    paint(cell);
    grid.focus();
    event.preventDefault();
  });
  grid.addEventListener("pointermove", (event) => paint(under(event)));
  for (const end of ["pointerup", "pointercancel"]) {
    grid.addEventListener(end, () => {
      if (stroke !== null) tell();
      stroke = null;
    });
  }
  grid.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const next = gridStep(event.key, cursor, SIDE * SIDE, SIDE, 4);
    if (event.key === " " || event.key === "Enter") {
      covered[cursor] = !covered[cursor];
      tell();
    } else if (next !== null) {
      const drawn = covered[cursor] as boolean;
      cursor = next;
      if (event.shiftKey && covered[cursor] !== drawn) {
        covered[cursor] = drawn;
        tell();
      }
    } else return;
    event.preventDefault();
    event.stopPropagation();
    draw();
    const [row, col] = [Math.floor(cursor / SIDE) + 1, (cursor % SIDE) + 1];
    announce(grid, `Row ${row}, column ${col}: ${covered[cursor] ? "covers" : "open"}`);
  });

  const button = (text: string, next: () => boolean[]) =>
    h("button", { class: "zf-button", type: "button", onclick: () => put(next()) }, text);
  draw();
  return [
    h("h4", {}, "Shape of the occluder"),
    grid,
    h(
      "div",
      { class: "zf-controls" },
      button("All", () => cells(null)),
      button("None", () => covered.map(() => false)),
      button("Ellipse", ellipse),
      button("Invert", () => covered.map((is) => !is)),
    ),
    said,
  ];
}
