/** Receptive fields of a layer's channels, which differ where branches were concatenated. */

import type { Box, Field, Layer, Pair } from "../wire/protocol";

export interface Range {
  first: number;
  last: number;
  field: Field;
}

/** Ranges of channels with one field each, in order: `LayerInfo.fields` in zfwidgets/records. */
export function rangesOf({ field, fields, channels }: Layer): Range[] {
  if (!fields) return [{ first: 0, last: channels - 1, field }];
  const starts = fields
    .flatMap((own) => own.first.map((first) => ({ first, field: own })))
    .sort((a, b) => a.first - b.first);
  return starts.map((range, i) => ({ ...range, last: (starts[i + 1]?.first ?? channels) - 1 }));
}

/** A channel's receptive field. */
export function fieldOf(layer: Layer, channel: number): Field {
  const own = rangesOf(layer).find(({ last }) => channel <= last);
  return own?.field ?? layer.field;
}

/** The receptive field of a unit: `ReceptiveField.box` in zfwidgets/records. */
export function fieldBox(field: Field, row: number, col: number, [rows, columns]: Pair): Box {
  const span = (axis: 0 | 1, place: number, image: number): Pair =>
    field.size[axis] >= image
      ? [0, image]
      : [place * field.stride[axis] + field.offset[axis], field.size[axis]];
  const [top, height] = span(0, row, rows);
  const [left, width] = span(1, col, columns);
  return { top, left, height, width };
}
