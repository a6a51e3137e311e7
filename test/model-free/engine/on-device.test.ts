import { beforeEach, describe, expect, test, vi } from "vitest";
import { TranscriptionError } from "../../../src/errors.js";
import { failure } from "../../support/demo.js";

/** What the addon's loaders are called with, as far as it says where the model goes. */
const load = vi.hoisted(() => vi.fn());
vi.mock("../../../src/addon/addon.js", async (original) => ({
  ...(await original<typeof import("../../../src/addon/addon.js")>()),
  loadAddon: () => ({
    loadBatchedModel: async (_path: string, { gpu }: { gpu: boolean }) => load(gpu ? "gpu" : "cpu"),
    loadWhisperModel: async (_path: string, { gpu }: { gpu: boolean }) => load(gpu ? "gpu" : "cpu"),
    loadBorealisModel: async (_path: string, _audio: string, { place }: { place: string }) => load(place),
  }),
}));
vi.mock("../../../src/models/borealis-files.js", () => ({
  isBorealisModel: async () => true,
  audioFileOf: (path: string) => path,
}));
vi.mock("../../../src/engine/devices.js", () => ({
  openDevice: async ({ device, threads }: { device: string; threads: number }) =>
    device === "cpu"
      ? { kind: "cpu", name: "Test CPU", threads }
      : { kind: "cuda", name: "Test GPU", threads },
}));
const { createBorealisEngine } = await import("../../../src/engine/borealis.js");
const { createWhisperEngine } = await import("../../../src/engine/whisper.js");
const { createWhisperCppEngine } = await import("../../../src/engine/whisper-cpp.js");

const MODEL = { info: () => ({ languages: ["en"], weightType: "f16", computeType: "float16" }) };
const OPTIONS = {
  modelPath: "/models/test.bin",
  modelName: "test",
  maxWindow: 30,
  threads: 2,
  computeType: "auto",
  batchSize: 4,
  maxQueue: 8,
} as unknown as Parameters<typeof createWhisperEngine>[0];

beforeEach(() => {
  load.mockReset();
});

const refuseGpu = (code: "OUT_OF_MEMORY" | "DEVICE_UNAVAILABLE" | "INVALID_ARGUMENT" | "MODEL_INVALID") =>
  load.mockImplementation((place: string) => {
    if (place === "gpu") throw new TranscriptionError(code, "too much for this GPU");
    return MODEL;
  });

describe.each([
  ["whisper", createWhisperEngine],
  ["whisper-cpp", createWhisperCppEngine],
  ["borealis", createBorealisEngine],
] as const)("implementation %s", (_name, createEngine) => {
  test.each(["auto", "cuda"] as const)("device %s uses the GPU that works", async (device) => {
    load.mockReturnValue(MODEL);
    const engine = await createEngine({ ...OPTIONS, device });
    expect(engine.device).toEqual({ kind: "cuda", name: "Test GPU", threads: 2 });
    expect(load.mock.calls).toEqual([["gpu"]]);
  });

  test.each(["OUT_OF_MEMORY", "DEVICE_UNAVAILABLE", "INVALID_ARGUMENT"] as const)(
    "device auto takes the CPU where the GPU answers %s, and says why",
    async (code) => {
      refuseGpu(code);
      const engine = await createEngine({ ...OPTIONS, device: "auto" });
      expect(engine.device).toMatchObject({ kind: "cpu", name: "Test CPU" });
      expect(engine.device.note).toBe("not on Test GPU: too much for this GPU");
    },
  );

  test("device cuda takes no other", async () => {
    refuseGpu("OUT_OF_MEMORY");
    const { code, message } = await failure(createEngine({ ...OPTIONS, device: "cuda" }));
    expect(code).toBe("OUT_OF_MEMORY");
    expect(message).toBe("too much for this GPU");
    expect(load).toHaveBeenCalledOnce();
  });

  test("a broken model is not tried again on the CPU", async () => {
    refuseGpu("MODEL_INVALID");
    expect((await failure(createEngine({ ...OPTIONS, device: "auto" }))).code).toBe("MODEL_INVALID");
    expect(load).toHaveBeenCalledOnce();
  });
});
