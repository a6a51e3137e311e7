import { expect, it } from "vitest";
import { spacedWords } from "../../../src/index.js";

const timed = (...texts: string[]) => texts.map((text) => ({ start: 0, end: 1, text, confidence: 1 }));

it.each([
  ["English", "Well, it is “half-past two”.", ["Well,", "it", "is", "“half-past", "two”."]],
  ["Japanese, which has no white space", "今日は雨です。", ["今日", "は", "雨", "です。"]],
  ["Chinese with a Latin name", "我在 Node 里用它。", ["我", "在", "Node", "里", "用", "它。"]],
  ["a word that comes twice, and within another", "no note no", ["no", "note", "no"]],
  ["nothing", "", []],
])("words make the text again when they are joined: %s", (_, text, words) => {
  const spaced = spacedWords({ text, words: timed(...words) });
  expect(spaced.join("")).toBe(text);
  expect(spaced.map((word) => word.trim())).toEqual(words);
});

it("has none where words were not timed", () => {
  expect(spacedWords({ text: "Hello there" })).toEqual([]);
});

it("words that the text spells otherwise are joined by a space", () => {
  expect(spacedWords({ text: "2 pm", words: timed("two", "p.m.") })).toEqual(["two", " p.m."]);
});
