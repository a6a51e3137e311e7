import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { librispeech } from "../support/real-recordings.js";
import { describeWithRealWhisper, realTranscriber } from "../support/real-whisper.js";

/** What the model as published writes of LibriSpeech's utterances: output of test/support/published_whisper.py. */
const PUBLISHED: Record<string, string> = JSON.parse(
  readFileSync(new URL("../fixtures/published-base-texts.json", import.meta.url), "utf8"),
);
/** Share of the texts that is the same, letter by letter. */
const SAME = 0.97;

describeWithRealWhisper("in float32", () => {
  it("the text is what the model as published writes", async () => {
    const transcriber = await realTranscriber({ computeType: "float32" });
    const recordings = librispeech();
    const request = {
      language: "en",
      vadFilter: false,
      temperature: 0,
      compressionRatioThreshold: null,
      logProbThreshold: null,
      noSpeechThreshold: null,
    };
    const texts = await Promise.all(
      recordings.map(async ({ path }) => (await transcriber.transcribe(path, request)).text),
    );
    const others = recordings.flatMap(({ name }, i) =>
      texts[i] === PUBLISHED[name] ? [] : [`${name}: ${texts[i]} (${PUBLISHED[name]})`],
    );
    expect(others.length, others.join("\n")).toBeLessThanOrEqual((1 - SAME) * recordings.length);
  });
});
