import { setTimeout as sleep } from "node:timers/promises";
import type { LiveOptions, Transcriber } from "../../src/index.js";
import { bytesOf } from "../../test/support/scripted-speech.js";
import { type Latencies, Stopwatch } from "./latencies.js";
import { RATE, type Speech } from "./speech.js";

/** Samples of a piece. */
const PIECE = 1000;

/**
 * Latencies by the clock of the audio alone, as if the model took no time: each piece is written when all is known of
 * those before it.
 */
export async function lockstep(
  transcriber: Transcriber,
  { samples, spoken }: Speech,
  options: LiveOptions,
): Promise<Latencies> {
  const watch = new Stopwatch(spoken);
  const stream = transcriber.live(options);
  let written = 0;
  const now = (): number => written / RATE;
  const reading = (async () => {
    for await (const event of stream) {
      if (event.type === "partial" || event.type === "final")
        watch.note({ ...event, isFinal: event.type === "final" && event.endOfUtterance }, now());
    }
  })();
  for (let at = 0; at < samples.length; at += PIECE) {
    const piece = samples.subarray(at, at + PIECE);
    written += piece.length;
    await stream.write(bytesOf(piece));
    while (stream.progress.processed < stream.progress.received) await sleep(1);
    // Its events are read before the clock goes on.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await stream.end();
  await reading;
  return watch.latencies(now());
}
