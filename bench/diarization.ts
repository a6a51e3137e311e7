/**
 * Who spoke when and who said what, against the truth, of every recording with truth beside the repository: diarization
 * error rate (collar 0 and 0.25 s, overlaps scored) and number of speakers; with real Whisper base, also word errors by
 * speaker (cpWER), words of the wrong speaker, and roles.
 *
 *   npm run bench:diarization [-- MODEL.gguf] [--only calls,stereo,…] [--no-words]
 *
 * Without a model, one is made of the parts beside the repository (segmentation-3.0 and GE2E). `--only` takes names of
 * groups (meetings, calls, samples, long, stereo) and of recordings. Whisper is that of bench:accuracy. It ends with 1 where
 * a role of a stereo call is wrong, or 1 % of the words is another speaker's.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { convertModel, createTranscriber, diarize, type Transcriber } from "../src/index.js";
import { prepareRealWhisper } from "../test/support/real-whisper-models.js";
import { sharedPath } from "../test/support/shared-path.js";
import { type Clip, channelsOf, clips } from "./diarization/clips.js";
import { type DiarizationErrors, diarizationErrors, errorRate } from "./diarization/error-rate.js";
import { heardWords, type WordScores } from "./diarization/heard-words.js";
import type { WordErrors } from "./diarization/speaker-words.js";

/** Share of the words of a stereo call that may be another speaker's. */
const MOST_OF_WRONG_SPEAKER = 0.01;

interface Scores {
  strict: DiarizationErrors;
  lenient: DiarizationErrors;
  found: number;
  expected: number;
  words?: WordScores;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string" }, "no-words": { type: "boolean", default: false } },
});
const wanted = values.only?.split(",").map((name) => name.trim());
const chosen = clips().filter(
  ({ group, name }) => !wanted || wanted.includes(group) || wanted.includes(name),
);
const unknown = wanted?.filter((word) => !chosen.some(({ group, name }) => word === group || word === name));
if (unknown?.length) {
  console.error(`There is no recording or group called ${unknown.join(", ")}`);
  process.exit(1);
}

async function modelPath(folder: string): Promise<string> {
  const [given] = positionals;
  if (given) return given;
  const parts = sharedPath("diarization");
  if (!parts) throw new Error("Name a model: there are no parts of one beside the repository");
  const { files } = await convertModel(parts, { out: folder, type: "f32" });
  return files[0]!.path;
}

/** Real Whisper base; undefined where nobody wants it or it is not to be had. */
async function transcriberOf(): Promise<Transcriber | undefined> {
  if (values["no-words"] || !chosen.some(({ text }) => text)) return undefined;
  const prepared = prepareRealWhisper(false);
  if ("models" in prepared) return createTranscriber({ model: prepared.models.base });
  console.error(`Words are not scored: ${prepared.missing}`);
  return undefined;
}

let audio = 0;
let work = 0;

async function score(clip: Clip, model: string, transcriber: Transcriber | undefined): Promise<Scores> {
  const { group, path, turns: reference, text } = clip;
  const { turns, speakers, duration, processingTime } = await diarize(path, {
    model,
    ...channelsOf(group),
  });
  if (group !== "stereo") {
    audio += duration;
    work += processingTime;
  }
  const end = clip.seconds ?? Math.max(duration, ...reference.map(({ end }) => end));
  const errors = (collar: number) => diarizationErrors(reference, turns, { collar, end });
  return {
    strict: errors(0),
    lenient: errors(0.25),
    found: speakers.length,
    expected: new Set(reference.map(({ speaker }) => speaker)).size,
    ...(text && transcriber && { words: await heardWords(clip, text, { model, transcriber }) }),
  };
}

function percent(value: number, digits = 1): string {
  // Sums of stretches of time may come out a little below nothing.
  return `${(100 * Math.max(0, value)).toFixed(digits)} %`;
}

const share = ({ errors, words }: WordErrors): number => (words > 0 ? errors / words : 0);

/** What was heard of the words, in words. */
function told({ bySpeaker, plain, ofWrongSpeaker, roles, rolesByVoice }: WordScores): string {
  const right = (errors: WordErrors) => percent(1 - share(errors));
  return [
    `cpWER ${percent(share(bySpeaker))}, words alone ${percent(share(plain))}`,
    `${percent(share(ofWrongSpeaker), 2)} of the wrong speaker`,
    ...(roles ? [`roles right ${right(roles)}`] : []),
    ...(rolesByVoice ? [`by a known voice ${right(rolesByVoice)}`] : []),
  ].join("; ");
}

function add(all: readonly WordErrors[]): WordErrors {
  const sum = (key: keyof WordErrors) => all.reduce((total, each) => total + each[key], 0);
  return { errors: sum("errors"), words: sum("words") };
}

function pooledWords(scores: readonly WordScores[]): WordScores {
  const optional = (key: "roles" | "rolesByVoice") => {
    const known = scores.flatMap((each) => each[key] ?? []);
    return known.length > 0 ? { [key]: add(known) } : {};
  };
  return {
    bySpeaker: add(scores.map(({ bySpeaker }) => bySpeaker)),
    plain: add(scores.map(({ plain }) => plain)),
    ofWrongSpeaker: add(scores.map(({ ofWrongSpeaker }) => ofWrongSpeaker)),
    ...optional("roles"),
    ...optional("rolesByVoice"),
  };
}

function tellGroup(group: string, scores: readonly Scores[]): void {
  const sum = (key: keyof DiarizationErrors) => scores.reduce((total, { strict }) => total + strict[key], 0);
  const speech = sum("speech");
  const part = (key: "missed" | "falseAlarm" | "confusion") => percent(sum(key) / speech);
  const all = (sum("missed") + sum("falseAlarm") + sum("confusion")) / speech;
  const counted = scores.filter(({ found, expected }) => found === expected).length;
  console.log(
    `${group.padEnd(16)}${percent(all).padStart(8)} pooled: missed ${part("missed")}, false alarms ` +
      `${part("falseAlarm")}, confusion ${part("confusion")}; speakers counted right in ${counted} of ${scores.length}`,
  );
  const words = scores.flatMap(({ words }) => words ?? []);
  if (words.length > 0) console.log(`${"".padEnd(16)}${told(pooledWords(words))}`);
}

/** Whether stereo calls are as they must be. */
function tellStereo(words: readonly WordScores[]): boolean {
  const { ofWrongSpeaker, roles } = pooledWords(words);
  const isMet = share(ofWrongSpeaker) < MOST_OF_WRONG_SPEAKER && (roles?.errors ?? 0) === 0;
  console.log(
    `${isMet ? "met   " : "MISSED"} stereo calls: ${percent(roles ? share(roles) : 0, 2)} role errors (0 %), ` +
      `${percent(share(ofWrongSpeaker), 2)} of the words another speaker's (below ${percent(MOST_OF_WRONG_SPEAKER)})`,
  );
  return isMet;
}

if (chosen.length === 0) {
  console.error("Nothing was scored");
  process.exit(1);
}
const temporary = mkdtempSync(join(tmpdir(), "agora-diarization-"));
const transcriber = await transcriberOf();
try {
  const model = await modelPath(temporary);
  const groups = new Map<string, Scores[]>();
  for (const clip of chosen) {
    const scores = await score(clip, model, transcriber);
    groups.set(clip.group, [...(groups.get(clip.group) ?? []), scores]);
    console.log(
      `${clip.name.padEnd(22)}${percent(errorRate(scores.strict)).padStart(8)} at collar 0, ` +
        `${percent(errorRate(scores.lenient)).padStart(6)} at 0.25; ${scores.found} of ${scores.expected} speakers` +
        (scores.words ? `; ${told(scores.words)}` : ""),
    );
  }
  for (const [group, scores] of groups) tellGroup(group, scores);
  if (work > 0) console.log(`${(audio / work).toFixed(0)} times real time, without words and on one channel`);
  const stereo = groups.get("stereo")?.flatMap(({ words }) => words ?? []) ?? [];
  if (stereo.length > 0 && !tellStereo(stereo)) process.exitCode = 1;
} finally {
  await transcriber?.close();
  rmSync(temporary, { recursive: true, force: true });
}
