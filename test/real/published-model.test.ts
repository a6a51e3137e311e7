import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { librispeech } from "../support/real-recordings.js";
import { describeWithRealWhisper, realTranscriber } from "../support/real-whisper.js";
import { UNGUARDED } from "../support/unguarded.js";

/** What the model as published writes of LibriSpeech's utterances: output of test/support/published_whisper.py. */
const PUBLISHED: Record<string, string> = JSON.parse(
  readFileSync(new URL("../fixtures/published-base-texts.json", import.meta.url), "utf8"),
);

describeWithRealWhisper("in float32", () => {
  it("the text is, letter by letter, what the model as published writes", async () => {
    const transcriber = await realTranscriber({ computeType: "float32" });
    const recordings = librispeech();
    const request = { language: "en", vadFilter: false, ...UNGUARDED };
    const texts = await Promise.all(
      recordings.map(async ({ path }) => (await transcriber.transcribe(path, request)).text),
    );
    expect(Object.fromEntries(recordings.map(({ name }, i) => [name, texts[i]]))).toEqual(PUBLISHED);
  });
});
