/** What goes wrong in the worker, for the page to say in its language: the worker has no texts. */

export type Values = Readonly<Record<string, string | number>>;

export class Told extends Error {
  override name = "Told";
  constructor(
    text: string,
    readonly values: Values = {},
  ) {
    super(text);
  }
}

/** A text that the page says: as `msg` in lib/language, whose texts would come with it. */
export const msg = (text: string) => text;
