/** Where everything of a chart is, in pixels of its drawing: pure, so that it can be checked. */

import type { Layout, Measure } from "./geometry";
import { layBars } from "./laying_bars";
import { layLines } from "./laying_lines";
import type { Charted } from "./spec";

export function layOut(chart: Charted, width: number, measure: Measure): Layout {
  const bars = chart.series.some(({ kind }) => kind === "bars");
  return (bars || chart.lying ? layBars : layLines)(chart, width, measure);
}
