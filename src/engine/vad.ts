import { loadAddon, type NativeVad } from "../addon/addon.js";
import { TranscriptionError } from "../errors.js";
import type { VadModel, VadSession } from "../types/engine.js";

/**
 * Silero's VAD from a file in whisper.cpp's format. A model is under a megabyte: each session loads its own.
 * @throws TranscriptionError MODEL_NOT_FOUND, MODEL_INVALID
 */
export async function loadVadModel(path: string): Promise<VadModel> {
  try {
    await loadAddon().inspectVadModel(path);
  } catch (error) {
    throw TranscriptionError.from(error);
  }
  return {
    createSession: () => new NativeSession(path),
    close: async () => {},
  };
}

class NativeSession implements VadSession {
  readonly #stream: Promise<NativeVad>;

  constructor(path: string) {
    this.#stream = openStream(path);
    // Reported by the first push; until then nobody listens.
    this.#stream.catch(() => {});
  }

  async push(samples: Float32Array): Promise<Float32Array> {
    return (await this.#stream).push(samples);
  }

  async flush(): Promise<Float32Array> {
    return (await this.#stream).flush();
  }

  close(): void {
    this.#stream.then(
      (stream) => stream.close(),
      () => {},
    );
  }
}

async function openStream(path: string): Promise<NativeVad> {
  try {
    return await loadAddon().loadVad(path);
  } catch (error) {
    throw TranscriptionError.from(error);
  }
}
