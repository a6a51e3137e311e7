import { mkdir, open, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { createTranscriber, inspectModel } from "../../src/index.js";
import { codeOf, DEMO, failure } from "../support/demo.js";
import { runProgram } from "../support/program.js";
import { DEMO_MODEL } from "../support/samples.js";
import { describeWithShared, sharedPath } from "../support/shared.js";
import { temporaryFolder } from "../support/temporary-folder.js";

let model: Buffer;
beforeAll(async () => {
  model = await readFile(DEMO_MODEL);
});

/** What loading and inspecting a file end in; they must agree. */
async function refusalOf(path: string): Promise<{ code: unknown; message: string }> {
  const loaded = await failure(createTranscriber({ ...DEMO, model: path }));
  expect(await codeOf(inspectModel(path))).toBe(loaded.code);
  return loaded;
}

async function refusalOfBytes(bytes: Uint8Array): Promise<{ code: unknown; message: string }> {
  const path = join(await temporaryFolder(), "model.bin");
  await writeFile(path, bytes);
  const refusal = await refusalOf(path);
  expect(refusal.message).toContain("model.bin");
  return refusal;
}

/** The demo model with a 32-bit number replaced. */
function forged(position: number, value: number): Buffer {
  const bytes = Buffer.from(model);
  bytes.writeInt32LE(value, position);
  return bytes;
}

/** A GGUF file's head: version, tensor count, count of metadata. */
function gguf(version: number, tensors: bigint, metadata: bigint): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write("GGUF", "latin1");
  bytes.writeUInt32LE(version, 4);
  bytes.writeBigUInt64LE(tensors, 8);
  bytes.writeBigUInt64LE(metadata, 16);
  return bytes;
}

describe("what is no file", () => {
  test("an absent one is not found", async () => {
    const { code, message } = await refusalOf("/nowhere/model.bin");
    expect(code).toBe("MODEL_NOT_FOUND");
    expect(message).toContain("/nowhere/model.bin");
  });

  test("an unknown name is not found, with the one that was meant", async () => {
    const { code, message } = await refusalOf("dmeo");
    expect(code).toBe("MODEL_NOT_FOUND");
    expect(message).toContain("demo");
  });

  test("a folder is no model", async () => {
    const folder = join(await temporaryFolder(), "model.bin");
    await mkdir(folder);
    const { code, message } = await refusalOf(folder);
    expect(code).toBe("MODEL_INVALID");
    expect(message).toContain("a folder");
  });

  test("a link to nothing is not found", async () => {
    const link = join(await temporaryFolder(), "model.bin");
    await symlink("/nowhere/model.bin", link);
    const { code, message } = await refusalOf(link);
    expect(code).toBe("MODEL_NOT_FOUND");
    expect(message).toContain("link");
  });

  test("a device is no model", async () => {
    expect((await refusalOf("/dev/zero")).code).toBe("MODEL_INVALID");
  });
});

describe("a damaged file is refused before it is used", () => {
  test.each([0, 8, 52, 68, 4096, 65_536])("cut after %i bytes", async (length) => {
    expect((await refusalOfBytes(model.subarray(0, length))).code).toBe("MODEL_INVALID");
  });

  test("cut anywhere in its tensors", async () => {
    const path = join(await temporaryFolder(), "model.bin");
    await writeFile(path, model);
    const file = await open(path, "r+");
    for (let part = 29; part > 5; part--) {
      await file.truncate(Math.floor((model.length * part) / 30));
      expect(await codeOf(createTranscriber({ ...DEMO, model: path }))).toBe("MODEL_INVALID");
    }
    await file.truncate(model.length - 1);
    expect(await codeOf(createTranscriber({ ...DEMO, model: path }))).toBe("MODEL_INVALID");
    await file.close();
  });

  test("with something behind its end", async () => {
    expect((await refusalOfBytes(Buffer.concat([model, Buffer.alloc(1)]))).code).toBe("MODEL_INVALID");
  });

  test("of another kind", async () => {
    const { code, message } = await refusalOfBytes(
      Buffer.from("not a model at all, just some text".repeat(10)),
    );
    expect(code).toBe("MODEL_INVALID");
    expect(message).toContain("magic");
  });

  const FIELDS = ["n_vocab", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer", "n_text_ctx"];
  FIELDS.push("n_text_state", "n_text_head", "n_text_layer", "n_mels", "ftype");

  test.each(FIELDS.map((name, i) => [name, 4 + 4 * i] as const))(
    "with a forged %s",
    async (name, position) => {
      for (const value of [-1, 2 ** 31 - 1]) {
        const { code, message } = await refusalOfBytes(forged(position, value));
        expect(code).toBe("MODEL_INVALID");
        expect(message).toContain(name);
      }
    },
  );

  test.each([
    ["mel filters", 48],
    ["mel filters", 52],
    ["vocabulary", 56 + 4 * 80 * 201],
    ["token", 60 + 4 * 80 * 201],
  ])("with forged %s (at byte %i)", async (what, position) => {
    const { code, message } = await refusalOfBytes(forged(position, 2 ** 31 - 1));
    expect(code).toBe("MODEL_INVALID");
    expect(message).toContain(what);
  });

  test.each([
    ["of an empty GGUF", gguf(3, 0n, 0n)],
    ["of a GGUF with overflowing counts", gguf(3, 2n ** 63n, 2n ** 64n - 1n)],
  ])("%s", async (_, bytes) => {
    const { code, message } = await refusalOfBytes(bytes);
    expect(code).toBe("MODEL_INVALID");
    expect(message).toContain("GGUF");
  });
});

describeWithShared("models of two kinds are not taken for one another", () => {
  const vadModel = sharedPath("models/silero-vad-v6.2.0.ggml.bin")!;

  test("a VAD model as the model", async () => {
    expect(await codeOf(createTranscriber({ ...DEMO, model: vadModel }))).toBe("MODEL_INVALID");
    expect(await inspectModel(vadModel)).toMatchObject({ kind: "vad" });
  });

  test("a speech model as the VAD model", async () => {
    expect(await codeOf(createTranscriber({ ...DEMO, vadModel: DEMO_MODEL }))).toBe("MODEL_INVALID");
    expect(await codeOf(createTranscriber({ ...DEMO, vadModel: "demo" }))).toBe("INVALID_ARGUMENT");
  });

  test("a damaged VAD model", async () => {
    const path = join(await temporaryFolder(), "vad.bin");
    const bytes = await readFile(vadModel);
    for (const length of [0, 8, 52, 68, 1000, bytes.length >> 1, bytes.length - 1]) {
      await writeFile(path, bytes.subarray(0, length));
      expect(await codeOf(createTranscriber({ ...DEMO, vadModel: path }))).toBe("MODEL_INVALID");
    }
  });
});

test("a model that changes on disk is loaded anew", async () => {
  const path = join(await temporaryFolder(), "model.bin");
  await writeFile(path, model);
  const before = await createTranscriber({ ...DEMO, model: path });
  await writeFile(path, model.subarray(0, 1000));
  expect(await codeOf(createTranscriber({ ...DEMO, model: path }))).toBe("MODEL_INVALID");
  await before.close();
});

test("the model is described without loading it", async () => {
  expect(await inspectModel("demo")).toMatchObject({
    kind: "whisper",
    name: "demo",
    weightType: "q8_0",
    verified: true,
    fileBytes: model.length,
    path: DEMO_MODEL,
  });
});

describe("too little memory", () => {
  // Node.js itself reserves address space generously: the program sets the limit, to what it has and a little more.
  const loading = (implementation: string, mebibytes: number): string => `
    import { execFileSync } from "node:child_process";
    import { readFileSync } from "node:fs";
    await getSystemInfo();
    const used = Number(/VmSize:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
    execFileSync("prlimit", ["--pid", String(process.pid), "--as=" + (used + ${mebibytes} * 1024) * 1024]);
    let transcriber;
    try {
      transcriber = await createTranscriber({ ...DEMO, implementation: "${implementation}" });
      await transcriber.transcribe(sampleAudio("sales-call-en", 0, 6));
      console.log("ok");
    } catch (error) {
      console.log(error.code);
    }
    await transcriber?.close();
  `;

  /** What it prints. Where V8 has no memory for its heap or its compiler it ends the process, which no addon can prevent. */
  const outcomeOf = async (program: string): Promise<string> => {
    const { stdout, code, signal, stderr } = await runProgram(program);
    if (/FATAL ERROR: .*(heap|process) out of memory/.test(stderr)) return "OUT_OF_MEMORY";
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: "" });
    return stdout.trim();
  };

  test.each([
    ["whisper", 2],
    ["whisper-cpp", 2],
    ["whisper-cpp", 40],
    ["whisper-cpp", 120],
  ])("%s with %i MiB: an error, not a crash", async (implementation, mebibytes) => {
    expect(await outcomeOf(loading(implementation, mebibytes))).toBe("OUT_OF_MEMORY");
  });

  test.each([15, 20, 30, 50, 80, 120])(
    "whisper with %i MiB: a text or an error, not a crash",
    async (mebibytes) => {
      expect(["OUT_OF_MEMORY", "ok"]).toContain(await outcomeOf(loading("whisper", mebibytes)));
    },
  );
});
