import { createTranscriber } from "../../src/index.js";
import { bytesOf, join, silence } from "../../test/support/scripted-speech.js";
import { RATE, recordings } from "./speech.js";

const SECONDS = 3600;
/** Seconds of audio between two looks at memory, and after which it is warm. */
const LOOK = 300;
const WARM = 600;
/** Seconds of audio in a write. */
const PIECE = 1;

/** What an hour of audio in one stream took. */
export interface Hour {
  /** Wall-clock seconds. */
  seconds: number;
  received: number;
  processed: number;
  finals: number;
  /** Resident MiB after each five minutes of audio, after garbage collection. */
  residentMiB: number[];
  /** From the tenth minute on, by the highest: MiB. */
  growthMiB: number;
}

/**
 * An hour of somebody who speaks and pauses, written as fast as it is worked off. The demo model: what grows, grows with
 * every model, and with this one it is seen in a minute.
 */
export async function hour(): Promise<Hour> {
  if (!globalThis.gc) throw new Error("Run it as npm run bench:live, with --expose-gc");
  const transcriber = await createTranscriber({ model: "demo", threads: 2, download: false });
  const round = bytesOf(join((await recordings(false)).flatMap((samples) => [samples, silence(3)])));
  const size = PIECE * RATE * 2;
  const startedAt = performance.now();
  const stream = transcriber.live({ language: "en" });
  const reading = (async () => {
    for await (const _ of stream);
  })();
  const residentMiB: number[] = [];
  for (let second = 1; second <= SECONDS; second += PIECE) {
    const at = ((second - 1) * size) % round.length;
    await stream.write(round.subarray(at, at + size));
    // Of the last piece of a round there is less.
    const missing = at + size - round.length;
    if (missing > 0) await stream.write(round.subarray(0, missing));
    if (second % LOOK !== 0) continue;
    globalThis.gc();
    residentMiB.push(Math.round(process.memoryUsage.rss() / 1024 ** 2));
  }
  const { received, processed, finals } = await stream.end();
  await reading;
  await transcriber.close();
  const warm = residentMiB.slice(WARM / LOOK - 1);
  return {
    seconds: (performance.now() - startedAt) / 1000,
    received,
    processed,
    finals,
    residentMiB,
    growthMiB: Math.max(...warm) - warm[0]!,
  };
}
