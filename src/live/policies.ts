import { TranscriptionError } from "../errors.js";
import type { Engine } from "../types/engine.js";
import type { LivePolicy } from "../types/live.js";
import { AlignAtt, type FollowingEngine } from "./align-att.js";
import { LocalAgreement } from "./local-agreement.js";
import type { Policy } from "./policy.js";
import type { PassMeans } from "./window-pass.js";

/**
 * Makes what settles the words of a channel.
 * @param interim whether words that are not settled yet are of interest
 * @returns a function, for one channel after another
 * @throws TranscriptionError INVALID_ARGUMENT where the engine cannot do what is asked for by name
 */
export function policyFor(
  policy: LivePolicy,
  engine: Engine,
  interim: boolean,
): (means: Omit<PassMeans, "engine">) => Policy {
  const takesSteps = isFollowing(engine);
  if (policy === "alignatt" && !takesSteps) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      `The policy "alignatt" needs an engine that tells which sound a word stands for, but ${engine.implementation} ` +
        'with this model does not: use "auto" or "local-agreement"',
      { option: "policy" },
    );
  }
  if (takesSteps && (policy === "alignatt" || (policy === "auto" && engine.followsSpeech === true)))
    return (means) => new AlignAtt({ ...means, engine }, interim);
  return (means) => new LocalAgreement({ ...means, engine });
}

function isFollowing(engine: Engine): engine is FollowingEngine {
  return engine.liveStep !== undefined && engine.liveWords !== undefined;
}
