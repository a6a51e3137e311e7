/** Recordings in which somebody says the same again and again, made with espeak-ng, and with sox of real speech. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { concat, decode, random } from "./audio.js";
import { librispeech } from "./real-recordings.js";

const RATE = 16_000;
/** Level of the room, in dBFS. */
const ROOM = -60;

/** Something that is said, by the synthetic voice: words a minute, and pitch from 0 to 99. */
interface Turn {
  text: string;
  voice: string;
  speed?: number;
  pitch?: number;
}

export interface RepeatedSpeech {
  name: string;
  language: string;
  /** What is said. */
  text: string;
  samples: Float32Array;
}

/** Whether the programs are there that make these recordings. */
export function hasSpeechPrograms(): boolean {
  return ["espeak-ng", "sox"].every(
    (name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0,
  );
}

const VOICES = ["en-us", "en-gb", "en-us+f3", "en-gb+m3", "en-us+m7", "en-gb+f2"];
const again = (count: number, text: string, vary: (index: number) => Omit<Turn, "text">): Turn[] =>
  Array.from({ length: count }, (_, index) => ({ text, ...vary(index) }));
const alike = (voice: string) => () => ({ voice });

const NUMBERS =
  "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen " +
  "nineteen twenty";
const REFRAIN = "Row, row, row your boat, gently down the stream.";

/** By name: the pause between turns in seconds, and the turns. */
const SYNTHETIC: Record<string, { language: string; pause: number; turns: Turn[] }> = {
  "a sentence, six voices": {
    language: "en",
    pause: 0.6,
    turns: again(6, "Please call me back tomorrow morning.", (i) => ({ voice: VOICES[i]! })),
  },
  "a sentence, faster and faster": {
    language: "en",
    pause: 0.5,
    turns: again(8, "I would like to speak to the manager.", (i) => ({
      voice: "en-us",
      speed: 125 + 10 * i,
    })),
  },
  "a question, higher and higher": {
    language: "en",
    pause: 0.8,
    turns: again(8, "Can you hear me now?", (i) => ({ voice: "en-gb", pitch: 20 + 10 * i })),
  },
  "counting to twenty": {
    language: "en",
    pause: 0.35,
    turns: NUMBERS.split(" ").map((text) => ({ text, voice: "en-us", speed: 140 })),
  },
  "counting to twenty in a breath": {
    language: "en",
    pause: 0.5,
    turns: [{ text: NUMBERS.replaceAll(" ", ", "), voice: "en-gb", speed: 140 }],
  },
  "a telephone number, three times": {
    language: "en",
    pause: 0.8,
    turns: again(3, "My number is five five five, one two one two, five five five.", (i) => ({
      voice: VOICES[i]!,
      speed: 140,
    })),
  },
  "no, again and again": {
    language: "en",
    pause: 0.5,
    turns: [
      { text: "No, no, no, no, no, no, no, no.", voice: "en-us" },
      { text: "I do not want it at all.", voice: "en-us" },
    ],
  },
  "yes, turn by turn": {
    language: "en",
    pause: 0.9,
    turns: again(10, "Yes.", (i) => ({ voice: VOICES[i % 2]! })),
  },
  "да, again and again": {
    language: "ru",
    pause: 0.5,
    turns: [
      { text: "Да, да, да, да, да, да.", voice: "ru" },
      { text: "Я вас хорошо слышу.", voice: "ru" },
    ],
  },
  "a Russian sentence, slower and slower": {
    language: "ru",
    pause: 0.6,
    turns: again(6, "Перезвоните мне завтра утром.", (i) => ({ voice: "ru", speed: 170 - 10 * i })),
  },
  "a refrain": {
    language: "en",
    pause: 0.5,
    turns: [
      { text: REFRAIN, voice: "en-us", pitch: 40 },
      { text: "The river runs to the sea.", voice: "en-us", pitch: 60 },
      { text: REFRAIN, voice: "en-us", pitch: 55 },
      { text: "And nobody knows where it ends.", voice: "en-us", pitch: 60 },
      { text: REFRAIN, voice: "en-us", pitch: 70 },
      ...again(2, REFRAIN, alike("en-us+f3")),
    ],
  },
};

/** Of real speakers, said again with the tempo, then the pitch (in cents) and both changed. */
const CHANGES = [
  [],
  ["tempo", "0.85"],
  ["pitch", "150"],
  ["tempo", "1.15"],
  ["pitch", "-150", "tempo", "0.9"],
  [],
];
const REPEATED_UTTERANCES = ["1998-15444-0008", "1688-142285-0009"];

/** All recordings; {@link hasSpeechPrograms} must be true. */
export async function repeatedSpeech(): Promise<RepeatedSpeech[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "agora-repeated-"));
  try {
    const recordings: RepeatedSpeech[] = [];
    for (const [name, { language, pause, turns }] of Object.entries(SYNTHETIC)) {
      const said: Float32Array[] = [];
      for (const turn of turns) said.push(await spoken(folder, turn));
      recordings.push({
        name,
        language,
        text: turns.map(({ text }) => text).join(" "),
        samples: inRoom(said, pause),
      });
    }
    for (const recording of librispeech().filter(({ name }) => REPEATED_UTTERANCES.includes(name))) {
      const said: Float32Array[] = [];
      for (const change of CHANGES) said.push(await changed(folder, recording.path, change));
      const text = CHANGES.map(() => recording.text).join(" ");
      recordings.push({
        name: `utterance ${recording.name}`,
        language: "en",
        text,
        samples: inRoom(said, 0.4),
      });
    }
    return recordings;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function spoken(folder: string, { text, voice, speed = 150, pitch = 50 }: Turn): Promise<Float32Array> {
  const settings = ["-v", voice, "-s", String(speed), "-p", String(pitch), "-a", "60"];
  return made(folder, "espeak-ng", (file) => [...settings, "-w", file, text]);
}

function changed(folder: string, recording: string, effects: readonly string[]): Promise<Float32Array> {
  return made(folder, "sox", (file) => [recording, file, ...effects]);
}

/** The sound that a program writes to the file that its arguments name. */
async function made(
  folder: string,
  program: string,
  args: (file: string) => string[],
): Promise<Float32Array> {
  const file = path.join(folder, "made.wav");
  execFileSync(program, args(file), { stdio: "ignore" });
  return (await decode(file)).tracks[0]!;
}

/** With pauses around all of them, and the noise of a room under it. */
function inRoom(said: readonly Float32Array[], pause: number): Float32Array {
  const gap = new Float32Array(Math.round(pause * RATE));
  const next = random(1);
  const reach = Math.sqrt(3) * 10 ** (ROOM / 20);
  return concat([gap, ...said.flatMap((each) => [each, gap])]).map(
    (sample) => sample + reach * (2 * next() - 1),
  );
}
