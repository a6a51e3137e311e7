import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeRandomNemotron } from "../../../bench/support/random-nemotron.js";
import { loadAddon } from "../../../src/addon/addon.js";
import { inspectModel } from "../../../src/index.js";
import { convertHere } from "../../support/convert-here.js";
import { codeOf, failure } from "../../support/demo.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const SMALL = { hiddenSize: 64, intermediateSize: 96, layers: 2, headSize: 32 };

describe("a checkpoint of Nemotron-3-Diarization", () => {
  let source: string;
  beforeAll(() => {
    source = join(mkdtempSync(join(tmpdir(), "agora-nemotron-")), "nemotron");
    writeRandomNemotron(source, SMALL);
  });
  afterAll(() => rmSync(dirname(source), { recursive: true, force: true }));

  it.each([
    ["f16", undefined],
    ["f32", "f32"],
    ["bf16", "bf16"],
    ["q8_0", "q8_0"],
  ])("becomes a model of type %s that the engine takes", async (type, asked) => {
    const out = await temporaryFolder();
    const { kind, files } = await convertHere(source, { out, ...(asked && { type: asked }) });
    expect(kind).toBe("diarization");
    expect(files).toMatchObject([{ role: "model", path: join(out, `nemotron-${type}.gguf`) }]);
    const facts = await inspectModel(files[0]!.path);
    expect(facts).toMatchObject({
      kind: "diarization",
      pipeline: "nemotron",
      weightType: type,
      mostSpeakers: 8,
    });
    expect(facts.fileBytes).toBe(files[0]!.bytes);
    const addon = loadAddon();
    await addon.loadBackends(new URL("../../../build/Release", import.meta.url).pathname, null, false);
    const model = await addon.loadDiarizationModel(files[0]!.path, { threads: 1 });
    const stream = model.open({ request: 0, priority: "interactive" });
    const flag = new addon.CancelFlag();
    await stream.push(new Float32Array(16_000).fill(0.1), 0, flag);
    await stream.end(flag);
    const { turns, embeddings } = await stream.finish({}, flag);
    expect(turns.every(({ end }) => end <= 1)).toBe(true);
    expect(embeddings).toEqual([]);
    await stream.close();
    await model.close();
  });

  it("is refused in a type that would choose other frames, and where tensors or settings do not belong", async () => {
    const out = await temporaryFolder();
    expect(await codeOf(convertHere(source, { out, type: "q4_0" }))).toBe("INVALID_ARGUMENT");
    const damaged = async (change: (header: string, config: Record<string, never>) => string) => {
      const folder = join(await temporaryFolder(), "damaged");
      writeRandomNemotron(folder, SMALL);
      const file = join(folder, "model.safetensors");
      const bytes = readFileSync(file);
      const length = Number(bytes.readBigUInt64LE());
      const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
      const header = change(bytes.toString("utf8", 8, 8 + length), config);
      expect(Buffer.byteLength(header)).toBe(length);
      bytes.write(header, 8);
      writeFileSync(file, bytes);
      writeFileSync(join(folder, "config.json"), JSON.stringify(config));
      return failure(convertHere(folder, { out }));
    };
    const renamed = await damaged((header) =>
      header.replace("layers.1.mlp.fc1.bias", "layers.1.mlp.fc1.bios"),
    );
    expect(renamed).toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining("fc1.bias is missing"),
    });
    const reshaped = await damaged((header) => header.replace("[8,32]", "[4,64]"));
    expect(reshaped.code).toBe("MODEL_INVALID");
    const bands = await damaged((header, config) => {
      Object.assign(config.audio_config!, { num_mel_bins: 80 });
      return header;
    });
    expect(bands).toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining("audio_config.num_mel_bins is 80, expected 128"),
    });
    expect(existsSync(join(out, "damaged-f16.gguf"))).toBe(false);
  });
});
