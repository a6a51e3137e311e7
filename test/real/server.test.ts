import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { shared } from "../support/real-recordings.js";
import { realServer } from "../support/real-server.js";
import { describeWithRealWhisper } from "../support/real-whisper.js";
import { TranscriptionClient } from "../support/transcription-client.js";
import { uploadOf, V2Client } from "../support/v2-client.js";
import { wordErrorRate } from "../support/word-error-rate.js";
import { JFK, JFK_SECONDS } from "./cases/checks.js";

/** The command line's answers to these are in cases.test.ts: clients of the server have to get the same. */
describeWithRealWhisper("a server", () => {
  it("hears both recordings of an upload that were joined, or says that it did not", async () => {
    const bytes = readFileSync(shared("cases/audio/two-webm-joined.webm"));
    const v2 = new V2Client((await realServer()).port);
    const result = await v2.upload(uploadOf(bytes, { options: { language: "en" } }));
    if (result.duration < JFK_SECONDS - 1) expect(result.warnings).not.toEqual([]);
    else
      expect(
        wordErrorRate(JFK, result.segments.map(({ text }) => text).join(" ")).errors,
      ).toBeLessThanOrEqual(2);
  });

  it("hears channels of opposite phase in the first contract, which has no warnings", async () => {
    const bytes = readFileSync(shared("cases/audio/stereo-opposite-phase.flac"));
    const client = new TranscriptionClient((await realServer()).port);
    const answer = await client.unary({ audio_data: bytes, filename: "call.flac" });
    expect(answer.success).toBe(true);
    expect(wordErrorRate(JFK, answer.transcript).errors, answer.transcript).toBeLessThanOrEqual(2);
  });
});
