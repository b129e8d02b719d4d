/** The page's languages: every text of the code in each, with its places, and none besides. */

/// <reference types="vite/client" />

import { afterEach, describe, expect, it } from "vitest";
import {
  decimal,
  LANGUAGES,
  plural,
  speak,
  spoken,
  t,
  whole,
} from "../../src/lib/language/translate";
import { count, duration, number, percent, points, timeLeft } from "../../src/lib/page/format";

afterEach(() => speak("en"));

const SOURCES: Record<string, string> = import.meta.glob("../../src/**/*.ts", {
  query: "?raw",
  import: "default",
  eager: true,
});
const STRING = String.raw`("(?:[^"\\]|\\.)*")`;
/** What the code marks as a text: one string literal, so that it is found here and by a reader. */
const MARKED = new RegExp(String.raw`\b(?:t|msg)\(\s*${STRING}`, "g");
const PLURAL = new RegExp(
  String.raw`\bplural\(\s*[^,()]+(?:\([^()]*\))?,\s*${STRING},\s*${STRING}`,
  "g",
);
const COUNT = new RegExp(
  String.raw`\bcount\(\s*[^,()]+(?:\([^()]*\))?,\s*${STRING}(?:,\s*${STRING})?`,
  "g",
);

function texts(): Set<string> {
  const found = new Set<string>();
  const add = (literal: string | undefined) => literal && found.add(JSON.parse(literal));
  for (const code of Object.values(SOURCES)) {
    for (const [, text] of code.matchAll(MARKED)) add(text);
    for (const [, one, many] of code.matchAll(PLURAL)) {
      add(one);
      add(many);
    }
    for (const [, one, many] of code.matchAll(COUNT)) {
      const noun = JSON.parse(one as string);
      found.add(`{n} ${noun}`);
      found.add(`{n} ${many ? JSON.parse(many) : `${noun}s`}`);
    }
  }
  return found;
}

const places = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort();

describe.each(Object.entries(LANGUAGES))("the language %s", (_name, known) => {
  it("has every text of the code, and none that nobody says", () => {
    const english = texts();
    expect(english.size).toBeGreaterThan(100);
    const there = Object.keys(known).filter((text) => text !== ".");
    expect([...english].filter((text) => !(text in known))).toEqual([]);
    expect(there.filter((text) => !english.has(text))).toEqual([]);
  });

  it("has the places of each text, and says something", () => {
    for (const [english, text] of Object.entries(known)) {
      expect(places(text), english).toEqual(places(english));
      expect(text.trim(), english).not.toBe("");
    }
  });
});

describe("what is said", () => {
  it("is English until another language is asked for, and where that lacks a text", () => {
    expect(t("Layers")).toBe("Layers");
    speak("de");
    expect([t("Layers"), spoken()]).toEqual(["Schichten", "de"]);
    expect(t("A text that no file has, {name}", { name: "x" })).toBe("A text that no file has, x");
    speak("tlh");
    expect(t("Layers")).toBe("Layers");
    speak(null);
    expect(spoken()).toBe("en");
  });

  it("agrees with its number", () => {
    expect([1, 2, 0].map((n) => count(n, "photo"))).toEqual(["1 photo", "2 photos", "0 photos"]);
    speak("de");
    expect([1, 2].map((n) => count(n, "layer"))).toEqual(["1 Schicht", "2 Schichten"]);
    expect(plural(1234, "{n} follows", "{n} follow")).toBe("1.234 folgen");
  });

  it("writes numbers as the language does", () => {
    const all = () => [number(1.25), percent(0.0567), percent(1e-5), points(-0.0123), whole(12345)];
    expect(all()).toEqual(["1.25", "5.7 %", "<0.1 %", "−1.2 points", "12,345"]);
    speak("de");
    expect(all()).toEqual(["1,25", "5,7 %", "<0,1 %", "−1,2 Punkte", "12.345"]);
    expect([decimal("3"), duration(0.2), timeLeft(40)]).toEqual([
      "3",
      "weniger als 1 s",
      "noch 40 s",
    ]);
  });
});
