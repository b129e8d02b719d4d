/** A mask drawn by hand: 16 x 16 cells of the occluder's box, on the wire 64 hex digits. */

export const SIDE = 16;

/** Which cells are covered, row by row; null covers all. */
export function cells(mask: string | null): boolean[] {
  if (mask === null) return new Array(SIDE * SIDE).fill(true);
  return [...mask].flatMap((digit) => {
    const bits = Number.parseInt(digit, 16);
    return [8, 4, 2, 1].map((bit) => (bits & bit) !== 0);
  });
}

/** The mask of these cells: null when all are covered. */
export function encode(covered: readonly boolean[]): string | null {
  if (covered.every(Boolean)) return null;
  let text = "";
  for (let i = 0; i < covered.length; i += 4) {
    const bits = [8, 4, 2, 1].filter((_, j) => covered[i + j]);
    text += bits.reduce((a, b) => a + b, 0).toString(16);
  }
  return text;
}

/** The largest ellipse in the box. */
export function ellipse(): boolean[] {
  const middle = (SIDE - 1) / 2;
  return Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [row, col] = [Math.floor(i / SIDE) - middle, (i % SIDE) - middle];
    return row * row + col * col <= (SIDE / 2) ** 2;
  });
}

/** CSS `clip-path` of a mask: one rectangle a run of cells, all in one path. */
export function clipPath(mask: string | null): string {
  if (mask === null) return "none";
  const covered = cells(mask);
  const at = (n: number) => `${(n / SIDE) * 100}%`;
  const points: string[] = ["0 0"];
  for (let row = 0; row < SIDE; row++) {
    for (let col = 0; col < SIDE; col++) {
      if (!covered[row * SIDE + col]) continue;
      const start = col;
      while (col + 1 < SIDE && covered[row * SIDE + col + 1]) col += 1;
      const [left, right] = [at(start), at(col + 1)];
      const [top, bottom] = [at(row), at(row + 1)];
      // Back to where all runs start: what is walked twice covers nothing.
      const corners = [left, top, right, top, right, bottom, left, bottom, left, top];
      for (let i = 0; i < corners.length; i += 2) points.push(`${corners[i]} ${corners[i + 1]}`);
      points.push("0 0");
    }
  }
  return `polygon(${points.join(",")})`;
}
