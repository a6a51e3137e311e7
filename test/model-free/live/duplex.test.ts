import { pipeline } from "node:stream/promises";
import { describe, expect, it } from "vitest";
import { liveDuplex } from "../../../src/index.js";
import type { LiveEvent } from "../../../src/types/live.js";
import { codeOf } from "../../support/demo.js";
import { bytesOf, liveStream, said, scriptedEngine, textOf, words } from "../../support/scripted-speech.js";

describe("a live stream as a Duplex", () => {
  it("takes bytes and gives events, to the end", async () => {
    const audio = bytesOf(words(0, 12));
    const events: LiveEvent[] = [];
    await pipeline(
      async function* () {
        for (let at = 0; at < audio.length; at += 701) yield audio.subarray(at, at + 701);
      },
      liveDuplex(liveStream()),
      async (source: AsyncIterable<LiveEvent>) => {
        for await (const event of source) events.push(event);
      },
    );
    expect(textOf(events)).toBe(said(0, 12));
    expect(events.at(-1)!.type).toBe("done");
  });

  it("cancels the stream when it is destroyed, and fails with it", async () => {
    const engine = scriptedEngine({ gate: () => new Promise(() => {}) });
    const stream = liveStream({}, engine);
    const duplex = liveDuplex(stream);
    duplex.write(bytesOf(words(0, 12)));
    duplex.destroy();
    expect(await codeOf(stream.end())).toBe("CANCELLED");
    await stream.closed;

    const failing = liveStream();
    const other = liveDuplex(failing);
    const failed = new Promise<Error & { code?: string }>((resolve) => other.once("error", resolve));
    other.resume();
    other.write("text");
    expect((await failed).code).toBe("INVALID_ARGUMENT");
    await failing.closed;
  });
});
