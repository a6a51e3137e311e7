import { createHash } from "node:crypto";
import type { ModelEnvironment } from "../../src/models/environment.js";
import { Registry, type RegistryEntry } from "../../src/models/registry.js";

/** Content that differs in every kilobyte, so that misplaced pieces show. */
export function sampleContent(bytes: number, seed = 1): Buffer {
  const content = Buffer.alloc(bytes);
  let state = seed;
  for (let i = 0; i < bytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    content[i] = state >>> 24;
  }
  return content;
}

/** A registry entry for `content` at `/example/models/<file>` of a server. */
export function sampleEntry(content: Buffer, overrides: Partial<RegistryEntry> = {}): RegistryEntry {
  return {
    name: "sample",
    kind: "whisper",
    file: "ggml-sample.bin",
    url: "https://huggingface.co/example/models/ggml-sample.bin",
    bytes: content.length,
    sha256: createHash("sha256").update(content).digest("hex"),
    licence: "MIT",
    description: "A sample",
    ...overrides,
  };
}

/** Nothing of the machine's own settings, and retries that do not wait. */
export function sampleEnvironment(
  entries: RegistryEntry[],
  overrides: Partial<ModelEnvironment> = {},
): ModelEnvironment {
  return {
    registry: new Registry(entries),
    cacheDirectory: "/nonexistent",
    mirror: undefined,
    offline: false,
    token: undefined,
    defaultModel: "sample",
    retry: { attempts: 3, firstDelay: 0, maxDelay: 0, stallTimeout: 10 },
    ...overrides,
  };
}
