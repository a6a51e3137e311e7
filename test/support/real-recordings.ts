import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sharedPath } from "./shared-path.js";

/** A recording of the reference material and what is said in it. */
export interface RealRecording {
  name: string;
  path: string;
  language: string;
  text: string;
}

/** LibriSpeech's 50 utterances of five speakers, 2 to 16 s each, in the order of their table. */
export function librispeech(): RealRecording[] {
  const table = shared("audio/librispeech/transcripts.tsv");
  return readFileSync(table, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split("\t") as [string, string, string])
    .map(([name, file, text]) => ({ name, path: join(dirname(table), file), language: "en", text }))
    .filter(({ path }) => sharedPath(path) !== undefined);
}

export const DIALOGUE_FORMATS = ["wav", "flac", "mp3", "m4a", "aac", "ogg", "opus", "webm"] as const;

/** One dialogue of two LibriSpeech speakers, 147.6 s, in a format. */
export function dialogue(format: (typeof DIALOGUE_FORMATS)[number]): RealRecording {
  const text = readFileSync(shared("audio/formats/dialogue.txt"), "utf8");
  return {
    name: `dialogue.${format}`,
    path: shared(`audio/formats/dialogue.${format}`),
    language: "en",
    text,
  };
}

/** A call of the same two, 8 kHz mu-law: each party on a channel of its own. */
export function stereoCall(): { path: string; language: string; texts: [string, string] } {
  const turns = JSON.parse(readFileSync(shared("audio/calls/stereo-call.json"), "utf8")) as {
    channel: number;
    text: string;
  }[];
  const of = (channel: number) =>
    turns
      .filter((turn) => turn.channel === channel)
      .map(({ text }) => text)
      .join(" ");
  return { path: shared("audio/calls/stereo-call-8k-mulaw.wav"), language: "en", texts: [of(0), of(1)] };
}

/** The same call mixed to one channel: the parties' texts in order, although they overlap here and there. */
export function monoCall(): RealRecording {
  const turns = JSON.parse(readFileSync(shared("audio/calls/stereo-call.json"), "utf8")) as {
    text: string;
  }[];
  const text = turns.map((turn) => turn.text).join(" ");
  return { name: "mono-mix", path: shared("audio/calls/mono-mix.wav"), language: "en", text };
}

const PUSHKIN = {
  ru_short_sample:
    "ничьих не требуя похвал счастлив уж я надеждой сладкой что дева с трепетом любви посмотрит может быть украдкой " +
    "на песни грешные мои у лукоморья дуб зеленый",
  ru_long_sample:
    "вечерня отошла давно но в кельях тихо и темно уже и сам игумен строгий свои молитвы прекратил и кости ветхие " +
    "склонил перекрестясь на одр убогий кругом и сон и тишина но церкви дверь отворена трепещет луч лампады и тускло " +
    "озаряет он и темну живопись икон и возлащенные оклады и раздается в тишине то тяжкий вздох то шепот важный и " +
    "мрачно дремлет в вышине старинный свод глухой и влажный стоят за клиросом чернец и грешник неподвижны оба",
};

/** Pushkin read aloud, 11 s of “Ruslan and Ludmila” and 40 s of “Vespers have long gone by”. */
export function russian(): RealRecording[] {
  return Object.entries(PUSHKIN).map(([name, text]) => {
    return { name, path: shared(`audio/russian/${name}.wav`), language: "ru", text };
  });
}

/** A path of the reference material, which must be there. */
export function shared(relative: string): string {
  const path = sharedPath(relative);
  if (path === undefined) throw new Error(`../shared/${relative} is not there`);
  return path;
}
