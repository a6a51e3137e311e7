import { describe, expect, it } from "vitest";
import { createTranscriber, type Segment, TranscriptionError } from "../../../src/index.js";
import { fake, never, speech } from "../../support/fake-implementation.js";

describe("a stream of segments", () => {
  async function collect(segments: AsyncIterable<Segment>): Promise<string> {
    const texts: string[] = [];
    for await (const segment of segments) texts.push(segment.text);
    return texts.join(" ");
  }

  it("has all segments, in order", async () => {
    await using transcriber = await createTranscriber(fake.options);
    const seen: string[] = [];
    const onSegment = (segment: Segment): void => void seen.push(segment.text);
    expect(await collect(transcriber.stream(speech(4), { onSegment }))).toBe("1 2 3 4");
    expect(seen).toEqual(["1", "2", "3", "4"]);
    expect(await collect(transcriber.stream(speech(0)))).toBe("");
  });

  it("has the whole result at its end, looped over or not", async () => {
    await using transcriber = await createTranscriber(fake.options);
    const looped = transcriber.stream(speech(3));
    expect(await collect(looped)).toBe("1 2 3");
    expect(await looped.result).toMatchObject({ text: "1 2 3", stats: { windowCount: 3 } });
    expect((await transcriber.stream(speech(2)).result).text).toBe("1 2");
  });

  it("has no result when it is left before its end", async () => {
    fake.behaviour.gate = never;
    await using transcriber = await createTranscriber(fake.options);
    const begun = transcriber.stream(speech(2));
    const next = begun.next();
    await begun.return!();
    await next;
    await expect(begun.result).rejects.toMatchObject({ code: "CANCELLED" });
    const untouched = transcriber.stream(speech(2));
    await untouched.return!();
    await expect(untouched.result).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("has segments while later windows still run", async () => {
    fake.behaviour = { concurrency: 1, gate: (index) => (index > 0 ? never() : Promise.resolve()) };
    await using transcriber = await createTranscriber(fake.options);
    for await (const segment of transcriber.stream(speech(4))) {
      expect(segment.text).toBe("1");
      break;
    }
    expect(fake.engines[0]).toMatchObject({ running: 0 });
    expect(fake.engines[0]!.cancellations).toBeGreaterThan(0);
  });

  it("does nothing until it is asked, and nothing when it is left before", async () => {
    await using transcriber = await createTranscriber(fake.options);
    const segments = transcriber.stream(speech(2));
    expect(await segments.return!()).toEqual({ done: true, value: undefined });
    expect(await segments.next()).toEqual({ done: true, value: undefined });
    expect(fake.engines[0]!.windows).toEqual([]);
  });

  it("ends for everyone who waits when it is left", async () => {
    fake.behaviour.gate = never;
    await using transcriber = await createTranscriber(fake.options);
    const segments = transcriber.stream(speech(2));
    const waiting = [segments.next(), segments.next()];
    await segments.return!();
    expect(await Promise.all(waiting)).toEqual(Array(2).fill({ done: true, value: undefined }));
  });

  it("fails after the segments that were finished before, once", async () => {
    fake.behaviour = {
      concurrency: 1,
      gate: async (index) => {
        if (index === 2) throw new TranscriptionError("OUT_OF_MEMORY", "too big");
      },
    };
    await using transcriber = await createTranscriber(fake.options);
    const segments = transcriber.stream(speech(4));
    expect((await segments.next()).value?.text).toBe("1");
    expect((await segments.next()).value?.text).toBe("2");
    await expect(segments.next()).rejects.toMatchObject({ code: "OUT_OF_MEMORY" });
    expect(await segments.next()).toEqual({ done: true, value: undefined });
  });

  it("is cancelled by the caller's signal", async () => {
    fake.behaviour.gate = never;
    await using transcriber = await createTranscriber(fake.options);
    const signal = AbortSignal.timeout(50);
    await expect(collect(transcriber.stream(speech(2), { signal }))).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
  });

  it("refuses wrong options at once", async () => {
    await using transcriber = await createTranscriber(fake.options);
    expect(() => transcriber.stream(speech(1), { beamSize: 0 })).toThrow(TranscriptionError);
  });
});
