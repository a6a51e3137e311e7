/** Recordings whose word times are known because they are built here: of shared speech, or of a synthetic voice. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { concat, decode, wav } from "./audio.js";
import { layOut, type TrueWord, type Utterance } from "./built-speech.js";
import { sharedPath } from "./shared-path.js";

export interface TruthRecording {
  name: string;
  file: string;
  words: TrueWord[];
}

/** Seconds between utterances, over and over. */
export const PAUSES = [0.2, 0.5, 2, 0.5, 20, 0.2, 2] as const;

/** Levels of noise under the recordings, in dBFS; none: digital silence in pauses. */
const CONDITIONS = {
  clean: { noise: undefined, telephone: false },
  "noise -55": { noise: -55, telephone: false },
  "noise -45": { noise: -45, telephone: false },
  telephone: { noise: -55, telephone: true },
} as const;

/** A voice that speaks word by word, so that the edges of every word are known. */
const SENTENCES = [
  "the committee will meet again on monday morning to discuss the new proposal",
  "please bring your passport and two recent photographs to the front desk",
  "heavy rain is expected over the northern hills before the weekend",
  "our engineers repaired the broken bridge before winter arrived",
];

/** Utterances of LibriSpeech where the shared material is there, at most `count`, speakers in turn. */
export async function librispeech(count: number): Promise<Utterance[]> {
  const list = sharedPath("audio/librispeech/transcripts.tsv");
  if (!list) return [];
  const rows = readFileSync(list, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split("\t"));
  const there = rows.filter(([, file]) => sharedPath(`audio/librispeech/${file}`));
  const speakers = new Map<string, string[][]>();
  for (const row of there) {
    const speaker = row[1]!.split("/")[0]!;
    speakers.set(speaker, [...(speakers.get(speaker) ?? []), row]);
  }
  const turns = there.flatMap((_, round) =>
    [...speakers.values()].flatMap((own) => own.slice(round, round + 1)),
  );
  const utterances: Utterance[] = [];
  for (const [, file, text] of turns.slice(0, count)) {
    const { tracks } = await decode(sharedPath(`audio/librispeech/${file}`)!);
    utterances.push({ samples: tracks[0]!, text: text! });
  }
  return utterances;
}

/** Whether the synthetic voice can be had. */
export function hasVoice(): boolean {
  return spawnSync("espeak-ng", ["--version"], { stdio: "ignore" }).status === 0;
}

async function spokenByWord(
  folder: string,
  speed: number,
): Promise<{ samples: Float32Array; words: TrueWord[] }> {
  const parts: Float32Array[] = [];
  const words: TrueWord[] = [];
  let position = 0;
  for (const sentence of SENTENCES) {
    const utterances: Utterance[] = [];
    for (const [index, word] of sentence.split(" ").entries()) {
      const file = path.join(folder, `word-${index}.wav`);
      execFileSync("espeak-ng", ["-v", "en-us", "-s", String(speed), "-a", "60", "-w", file, word]);
      utterances.push({ samples: (await decode(file)).tracks[0]!, text: word });
    }
    const built = layOut(utterances, [0.03], undefined);
    parts.push(built.samples, new Float32Array(16_000));
    for (const { text, start, end } of built.words)
      words.push({
        text,
        ...(start !== undefined && { start: position + start }),
        ...(end !== undefined && { end: position + end }),
      });
    position += built.samples.length / 16_000 + 1;
  }
  return { samples: concat(parts), words };
}

/**
 * Writes the recordings into `folder`: utterances with pauses between them in every condition, and the synthetic voice
 * word by word.
 */
export async function buildTruth(folder: string, utteranceCount: number): Promise<TruthRecording[]> {
  mkdirSync(folder, { recursive: true });
  const recordings: TruthRecording[] = [];
  const write = (name: string, samples: Float32Array, words: TrueWord[]): string => {
    const file = path.join(folder, `${name.replaceAll(" ", "")}.wav`);
    writeFileSync(file, wav([samples], 16_000));
    recordings.push({ name, file, words });
    return file;
  };
  const utterances = await librispeech(utteranceCount);
  if (utterances.length > 0) {
    for (const [name, { noise, telephone }] of Object.entries(CONDITIONS)) {
      const { samples, words } = layOut(utterances, PAUSES, noise);
      const file = write(name, samples, words);
      if (telephone) recordings.at(-1)!.file = asTelephone(file);
    }
  }
  if (hasVoice()) {
    const { samples, words } = await spokenByWord(folder, 150);
    write("voice by word", samples, words);
  }
  return recordings;
}

/** 300 to 3400 Hz at 8 kHz in µ-law, as telephones send it; times stay as they are. */
function asTelephone(file: string): string {
  const narrow = file.replace(/\.wav$/, "-8k.wav");
  const filters = ["-af", "highpass=f=300,lowpass=f=3400", "-ar", "8000", "-c:a", "pcm_mulaw"];
  execFileSync("ffmpeg", ["-v", "error", "-y", "-i", file, ...filters, narrow]);
  return narrow;
}
