import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { TranscriptionError } from "../../../src/errors.js";
import { readSafetensors } from "../../../src/models/convert/checkpoint/safetensors.js";
import { SourceFile } from "../../../src/models/convert/checkpoint/source-file.js";
import { readValues, type StoredTensor } from "../../../src/models/convert/checkpoint/tensor.js";
import { folderOf } from "../../support/folder-of.js";
import { seededRandom } from "../../support/random.js";
import { floats, safetensors, withHeader } from "../../support/safetensors-writer.js";

async function read(bytes: Uint8Array): Promise<StoredTensor[]> {
  const file = await SourceFile.open(
    join(await folderOf({ "model.safetensors": bytes }), "model.safetensors"),
  );
  onTestFinished(() => file.close());
  return readSafetensors(file);
}

async function valuesOf(tensor: StoredTensor): Promise<number[]> {
  const values: number[] = [];
  for await (const piece of readValues(tensor)) values.push(...piece);
  return values;
}

describe("a safetensors file", () => {
  it("gives its tensors with their values", async () => {
    const tensors = await read(
      safetensors(
        new Map([
          ["a", floats([2, 3], [1, 2, 3, 4, 5, 6])],
          ["b", { type: "BF16", shape: [2], bytes: Uint8Array.of(0x80, 0x3f, 0xa0, 0xc0) }],
          ["c", { type: "F16", shape: [1], bytes: Uint8Array.of(0, 0x3c) }],
          ["d", { type: "F64", shape: [], bytes: new Uint8Array(Float64Array.of(0.5).buffer) }],
          ["empty", floats([0, 5])],
        ] as const),
      ),
    );
    expect(tensors.map(({ name, type, shape }) => [name, type, shape])).toEqual([
      ["a", "F32", [2, 3]],
      ["b", "BF16", [2]],
      ["c", "F16", [1]],
      ["d", "F64", []],
      ["empty", "F32", [0, 5]],
    ]);
    expect(await Promise.all(tensors.map(valuesOf))).toEqual([[1, 2, 3, 4, 5, 6], [1, -5], [1], [0.5], []]);
  });

  it("is read in pieces where a tensor is large", async () => {
    const [tensor] = await read(safetensors(new Map([["a", floats([150_000], (index) => index)]])));
    const pieces: number[] = [];
    let sum = 0;
    for await (const piece of readValues(tensor!)) {
      pieces.push(piece.length);
      sum += piece.reduce((total, value) => total + value, 0);
    }
    expect(pieces).toEqual([65_536, 65_536, 18_928]);
    expect(sum).toBe((149_999 * 150_000) / 2);
  });

  const entry = (fields: object) =>
    JSON.stringify({ "a.weight": { dtype: "F32", shape: [1], data_offsets: [0, 4], ...fields } });
  it.each([
    ["a header longer than the file", Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 123]), "ends inside its header"],
    ["a header of an absurd length", Buffer.alloc(16, 0xff), "length of 18446744073709551615 bytes"],
    ["a header that is no JSON", withHeader("{"), "header is not JSON"],
    ["a header that is no object", withHeader("[]"), "header is not a JSON object"],
    ["an unknown type", withHeader(entry({ dtype: "F8_E4M3" })), 'tensor "a.weight" has the dtype'],
    ["the name of a method as type", withHeader(entry({ dtype: "toString" })), "has the dtype"],
    ["a shape that is none", withHeader(entry({ shape: [-1] })), 'tensor "a.weight" has no valid shape'],
    ["an overflowing shape", withHeader(entry({ shape: [2 ** 40, 2 ** 40] })), "has no valid shape"],
    ["offsets beyond the end", withHeader(entry({})), "data_offsets outside the file"],
    ["reversed offsets", withHeader(entry({ data_offsets: [4, 0] }), [Buffer.alloc(4)]), "data_offsets"],
    ["a size that is not the shape's", withHeader(entry({ shape: [2] }), [Buffer.alloc(4)]), "expected 8"],
    ["an entry that is no object", withHeader('{"a.weight":null}'), 'tensor "a.weight"'],
    [
      "overlapping tensors",
      withHeader(`${entry({}).slice(0, -1)},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, [
        Buffer.alloc(4),
      ]),
      'tensors "a.weight" and "b" overlap',
    ],
  ])("with %s is refused", async (_, bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining(message),
    });
  });

  it("with any damage fails with a coded error or not at all", async () => {
    const random = seededRandom(11);
    const intact = safetensors(
      new Map([
        ["a", floats([4])],
        ["b", floats([2, 2])],
      ]),
    );
    for (let i = 0; i < 300; i++) {
      const damaged = Buffer.from(intact.subarray(0, i % 3 ? intact.length : random() * intact.length));
      if (damaged.length > 0) damaged[Math.floor(random() * damaged.length)] = random() * 256;
      await read(damaged).catch((error) => expect(error).toBeInstanceOf(TranscriptionError));
    }
  });
});
