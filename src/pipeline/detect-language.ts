import type { ResolvedRequest } from "../config/options.js";
import type { DecodedAudio } from "../types/audio.js";
import type { Engine, LanguageDetection, VadModel } from "../types/engine.js";
import { LanguageVote } from "./language.js";
import { newRequestNumber } from "./request-number.js";
import type { RequestScope } from "./request-scope.js";
import { type Window, Windower } from "./windows.js";

/** The language of a recording's first track from as little of its speech as settles it. Leaves `audio` open. */
export async function detectAudioLanguage(
  audio: DecodedAudio,
  engine: Engine,
  vad: VadModel | undefined,
  request: ResolvedRequest,
  scope: RequestScope,
): Promise<LanguageDetection> {
  const maxWindow = Math.min(request.chunkLength, engine.maxWindow);
  const windower = new Windower({ maxWindow, vad, vadOptions: request.vadOptions });
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
      if (vote.isSettled) return vote.result();
      scope.throwIfEnded();
    }
    await listen(await windower.flush());
    return vote.result();
  } finally {
    windower.close();
  }
}
