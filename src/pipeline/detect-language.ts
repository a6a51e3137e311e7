import type { ResolvedRequest } from "../config/options.js";
import { type DecodedAudio, SAMPLE_RATE } from "../types/audio.js";
import type { Engine, LanguageDetection, VadModel } from "../types/engine.js";
import { windowerFor } from "./clips.js";
import { LanguageVote } from "./language.js";
import { newRequestNumber } from "./request-number.js";
import type { RequestScope } from "./request-scope.js";
import type { Window } from "./windows.js";

/** The language of a recording's first track from as little of its speech as settles it. Leaves `audio` open. */
export async function detectAudioLanguage(
  audio: DecodedAudio,
  engine: Engine,
  vad: VadModel | undefined,
  request: ResolvedRequest,
  scope: RequestScope,
): Promise<LanguageDetection> {
  const maxWindow = Math.min(request.chunkLength, engine.maxWindow);
  const windower = windowerFor({ maxWindow, vad, vadOptions: request.vadOptions }, request.clips);
  // Behind the last clip there is nothing to hear.
  const end = (request.clips?.at(-1)?.end ?? Number.POSITIVE_INFINITY) * SAMPLE_RATE;
  let position = 0;
  const vote = new LanguageVote(request.detection);
  const turn = { request: newRequestNumber(), priority: request.window.priority };
  const listen = async (windows: Window[]): Promise<void> => {
    for (const { samples, speech } of windows) {
      scope.throwIfEnded();
      if (!vote.isSettled) vote.add(await engine.detectLanguage(samples, turn, scope.signal), speech);
    }
  };
  try {
    for await (const block of audio.blocks()) {
      await listen(await windower.push(block[0]!));
      position += block[0]!.length;
      if (vote.isSettled || position >= end) return vote.result();
      scope.throwIfEnded();
    }
    await listen(await windower.flush());
    return vote.result();
  } finally {
    windower.close();
  }
}
