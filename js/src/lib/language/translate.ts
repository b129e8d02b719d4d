/**
 * What the page says, in the language that its widget speaks.
 *
 * English stands in the code and is the key of the other languages: one file each beside this one.
 * A text that a file lacks stays English.
 *
 * The language is one for all that a call of the code shows: in Jupyter each view has a call of its
 * own (widgets/alone/loader.ts), and a report's page has one for its file.
 */

import de from "./de.json";

type Texts = Readonly<Record<string, string>>;
type Values = Readonly<Record<string, string | number>>;

/** The texts of each language by their English. */
export const LANGUAGES: Record<string, Texts> = { de };

let language = "en";
let texts: Texts = {};

/** Say everything from now on in this language; null is English. */
export function speak(name: string | null | undefined): void {
  language = name || "en";
  texts = LANGUAGES[language] ?? {};
}

/** The code of the language that is spoken. */
export function spoken(): string {
  return language;
}

/** A text in the language that is spoken, with values in place of its `{names}`. */
export function t(text: string, values: Values = {}): string {
  return filled(texts[text] ?? text, values);
}

/** One of two texts, by whether `n` is one; `{n}` is the number as it is written. */
export function plural(n: number, one: string, many: string, values: Values = {}): string {
  return t(n === 1 ? one : many, { n: whole(n), ...values });
}

/** A text of a table that is made before the language is known: `t` it where it is shown. */
export function msg(text: string): string {
  return text;
}

/** A whole number as the language writes it. */
export function whole(n: number): string {
  return n.toLocaleString(language);
}

/** A number's digits with the language's decimal sign. */
export function decimal(digits: string): string {
  return digits.replace(".", texts["."] ?? ".");
}

/** A place in a text, `{name}`; or `{name:one|many}`, whose words go by the value. */
const PLACE = /\{(\w+)(?::([^{}|]*)\|([^{}]*))?\}/g;

/** Values in place of a text's `{names}`, as `Words` in Python puts them. */
export function filled(text: string, values: Values): string {
  return text.replace(PLACE, (whole, name: string, one?: string, many?: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    const written = String(value);
    if (one === undefined || many === undefined) return written;
    return (written === "1" ? one : many).replaceAll("#", written);
  });
}
