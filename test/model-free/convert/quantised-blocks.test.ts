import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { quantizeModel } from "../../../src/index.js";
import { ENCODINGS, encodedBytes } from "../../../src/models/convert/numbers/encoding.js";
import { halfToFloats } from "../../../src/models/convert/numbers/float16.js";
import { temporaryFolder } from "../../support/temporary-folder.js";
import { readWhisperFile } from "../../support/whisper-file-reader.js";

const DEMO = fileURLToPath(new URL("../../fixtures/agora-demo-f16.bin", import.meta.url));

it.each(["q8_0", "q5_0", "q4_0"] as const)(
  "%s blocks are those of ggml, for every matrix of a model",
  async (type) => {
    const { path } = await quantizeModel(DEMO, join(await temporaryFolder(), "demo.bin"), type);
    const quantised = new Map(
      readWhisperFile(readFileSync(path)).tensors.map((tensor) => [tensor.name, tensor]),
    );
    const encoding = ENCODINGS[type];
    let compared = 0;
    for (const { name, bytes, type: stored } of readWhisperFile(readFileSync(DEMO)).tensors) {
      const expected = quantised.get(name)!;
      if (stored !== 1 || expected.type !== encoding.id) continue;
      const values = new Float32Array(bytes.length / 2);
      halfToFloats(new Uint16Array(Uint8Array.from(bytes).buffer), values);
      const blocks = new Uint8Array(encodedBytes(encoding, values.length));
      encoding.encode(values, blocks);
      expect({ name, same: expected.bytes.equals(blocks) }).toEqual({ name, same: true });
      compared++;
    }
    expect(compared).toBe(4 * 6 + 4 * 10 + 1);
  },
);
