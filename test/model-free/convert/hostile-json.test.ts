import { describe, expect, test } from "vitest";
import { requireConvertible } from "../../../src/models/convert/convertible.js";
import { shownValue } from "../../../src/models/convert/errors.js";
import { BOREALIS_TOKENIZER, borealisFiles, borealisTensors } from "../../support/borealis-checkpoint.js";
import { convertHere } from "../../support/convert-here.js";
import { folderOf } from "../../support/folder-of.js";
import { safetensors, withHeader } from "../../support/safetensors-writer.js";

/** Deeper than any stack that recurses; `JSON.parse` reads it. */
const DEEP = JSON.parse(`${"[".repeat(20_000)}${"]".repeat(20_000)}`) as unknown;
const HOSTILE: readonly (readonly [string, unknown])[] = [
  ["a deep list", DEEP],
  ["an object with a field toString", { toString: 1 }],
  ["a list of such", [{ toString: 1 }, "b"]],
];
/** `JSON.stringify` does not write what is that deep. */
const json = (value: unknown, hole: unknown) =>
  JSON.stringify(value).replace('"HOLE"', () =>
    hole === DEEP ? `${"[".repeat(20_000)}${"]".repeat(20_000)}` : JSON.stringify(hole),
  );

const files = borealisFiles();
const { model } = BOREALIS_TOKENIZER;
const PLACES: readonly (readonly [string, string, object])[] = [
  ["the type of a model", "config.json", { ...(files["config.json"] as object), model_type: "HOLE" }],
  ["a size", "llm/config.json", { ...(files["llm/config.json"] as object), hidden_size: "HOLE" }],
  [
    "a kind of positions",
    "llm/config.json",
    { ...(files["llm/config.json"] as object), rope_scaling: { rope_type: "HOLE" } },
  ],
  ["an added token", "tokenizer.json", { ...BOREALIS_TOKENIZER, added_tokens: [{ id: 6, content: "HOLE" }] }],
  ["an id", "tokenizer.json", { ...BOREALIS_TOKENIZER, model: { ...model, vocab: { a: "HOLE" } } }],
  ["a merge", "tokenizer.json", { ...BOREALIS_TOKENIZER, model: { ...model, merges: ["HOLE"] } }],
  ["a special token", "tokenizer_config.json", { eos_token: { content: "HOLE" } }],
];

describe.each(HOSTILE)("%s", (_, hole) => {
  test.each(PLACES)("in the place of %s of a checkpoint is refused as damage", async (_, file, content) => {
    const folder = await folderOf({
      ...files,
      "model.safetensors": safetensors(borealisTensors(2)),
      [file]: Buffer.from(json(content, hole)),
    });
    await expect(convertHere(folder, { out: folder })).rejects.toMatchObject({ code: "MODEL_INVALID" });
  });

  test("in the header of its tensors is refused as damage", async () => {
    const header = json({ weight: { dtype: "HOLE", shape: [1], data_offsets: [0, 4] } }, hole);
    const folder = await folderOf({ ...files, "model.safetensors": withHeader(header, [Buffer.alloc(4)]) });
    await expect(convertHere(folder, { out: folder })).rejects.toMatchObject({ code: "MODEL_INVALID" });
  });

  test("in settings that are looked at before there are tensors is refused as damage", async () => {
    const folder = await folderOf({ "config.json": Buffer.from(json({ model_type: "HOLE" }, hole)) });
    await expect(requireConvertible(folder)).rejects.toMatchObject({ code: "MODEL_INVALID" });
  });
});

test("values are shown in one line that is not endless", () => {
  expect(shownValue([1, "a", null])).toBe(JSON.stringify('[1,"a",null]'));
  expect(shownValue("text")).toBe(JSON.stringify('"text"'));
  expect(shownValue("x".repeat(1e6)).length).toBeLessThan(300);
  expect(shownValue(new Array(1e5).fill(1))).toBe("a list of 100000");
  expect(shownValue(DEEP)).toBe("a list of 1");
  expect(shownValue({ toString: 1 })).toBe(JSON.stringify('{"toString":1}'));
});
