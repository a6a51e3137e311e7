import type { ServerReadableStream } from "@grpc/grpc-js";
import { TranscriptionError } from "../../../index.js";
import { variableOf } from "../../settings.js";
import type { Call } from "../call.js";
import type { AudioChunk } from "./messages.js";

/**
 * The chunks of a stream as they arrive. The next one is asked for when this one has been dealt with, so that a slow
 * disk slows the client down.
 * @param idleTimeout seconds to wait for a chunk
 * @throws TranscriptionError DEADLINE_EXCEEDED when none arrives; the reason of the call's signal when that fires
 */
export async function* chunksOf(
  stream: ServerReadableStream<AudioChunk, unknown>,
  call: Call,
  idleTimeout: number,
): AsyncGenerator<AudioChunk, void> {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<AudioChunk>;
  try {
    for (;;) {
      const next = await withPatience(call.race(chunks.next()), idleTimeout);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // What still comes is discarded as it arrives.
    stream.destroy();
  }
}

async function withPatience<T>(work: Promise<T>, seconds: number): Promise<T> {
  if (!Number.isFinite(seconds)) return work;
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    const message = `No data arrived for ${variableOf("idleTimeout")} (${seconds} s)`;
    timer = setTimeout(() => reject(new TranscriptionError("DEADLINE_EXCEEDED", message)), seconds * 1000);
  });
  return Promise.race([work, expired]).finally(() => clearTimeout(timer));
}
