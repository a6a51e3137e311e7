import * as kind from "../../service/options/kinds.js";

/** Times of voice activity detection, where other servers have them in milliseconds. */
export const IN_MILLISECONDS = {
  minSpeechDuration: kind.milliseconds(30_000),
  minSilenceDuration: kind.milliseconds(30_000),
  speechPad: kind.milliseconds(5000),
} as const;

/** Of what is asked about a recording as a whole, rather than about each party of it. */
export const ONE_CHANNEL = { kind: kind.channel, is: "mix, or the number of one channel." } as const;
