import { beforeEach, expect, test, vi } from "vitest";
import { TranscriptionError } from "../../../src/errors.js";
import { failure } from "../../support/demo.js";

const loadBatchedModel = vi.hoisted(() => vi.fn());
vi.mock("../../../src/engine/addon.js", async (original) => ({
  ...(await original<typeof import("../../../src/engine/addon.js")>()),
  loadAddon: () => ({ loadBatchedModel }),
}));
vi.mock("../../../src/engine/devices.js", () => ({
  openDevice: async ({ device, threads }: { device: string; threads: number }) =>
    device === "cpu"
      ? { kind: "cpu", name: "Test CPU", threads }
      : { kind: "cuda", name: "Test GPU", threads },
}));
const { createWhisperEngine } = await import("../../../src/engine/whisper.js");

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
  loadBatchedModel.mockReset();
});

const refuseGpu = (code: "OUT_OF_MEMORY" | "INVALID_ARGUMENT" | "MODEL_INVALID") =>
  loadBatchedModel.mockImplementation(async (_path: string, { gpu }: { gpu: boolean }) => {
    if (gpu) throw new TranscriptionError(code, "too much for this GPU");
    return MODEL;
  });

test.each(["auto", "cuda"] as const)("device %s uses the GPU that works", async (device) => {
  loadBatchedModel.mockResolvedValue(MODEL);
  const engine = await createWhisperEngine({ ...OPTIONS, device });
  expect(engine.device).toEqual({ kind: "cuda", name: "Test GPU", threads: 2 });
  expect(loadBatchedModel).toHaveBeenCalledOnce();
  expect(loadBatchedModel.mock.calls[0]?.[1]).toMatchObject({ gpu: true, batchSize: 4 });
});

test.each(["OUT_OF_MEMORY", "INVALID_ARGUMENT"] as const)(
  "device auto takes the CPU where the GPU answers %s, and says why",
  async (code) => {
    refuseGpu(code);
    const engine = await createWhisperEngine({ ...OPTIONS, device: "auto" });
    expect(engine.device).toMatchObject({ kind: "cpu", name: "Test CPU" });
    expect(engine.device.note).toBe("not on Test GPU: too much for this GPU");
  },
);

test("device cuda takes no other", async () => {
  refuseGpu("OUT_OF_MEMORY");
  const { code, message } = await failure(createWhisperEngine({ ...OPTIONS, device: "cuda" }));
  expect(code).toBe("OUT_OF_MEMORY");
  expect(message).toBe("too much for this GPU");
  expect(loadBatchedModel).toHaveBeenCalledOnce();
});

test("a broken model is not tried again on the CPU", async () => {
  refuseGpu("MODEL_INVALID");
  expect((await failure(createWhisperEngine({ ...OPTIONS, device: "auto" }))).code).toBe("MODEL_INVALID");
  expect(loadBatchedModel).toHaveBeenCalledOnce();
});
