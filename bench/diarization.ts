/**
 * Who spoke when, against the truth: diarization error rate (collar 0 and 0.25 s, overlaps scored) and number of
 * speakers of every recording with truth beside the repository.
 *
 *   npm run bench:diarization [MODEL.gguf]
 *
 * Without a model, one is made of the parts beside the repository (segmentation-3.0 and GE2E).
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertModel, diarize } from "../src/index.js";
import { sharedPath } from "../test/support/shared-path.js";
import { type DiarizationErrors, diarizationErrors, errorRate, parseRttm } from "./diarization/error-rate.js";

interface Clip {
  group: string;
  name: string;
  audio: string;
  rttm: string;
  /** Name in the RTTM file, where that holds several. */
  recording?: string;
}

const MEETINGS = Array.from({ length: 9 }, (_, i) => `trn0${i + 1}`);
const CLIPS: Clip[] = [
  ...MEETINGS.map((name) => ({
    group: "meetings",
    name,
    audio: `audio/diarization/${name}.flac`,
    rttm: "audio/diarization/debug.train.rttm",
    recording: name,
  })),
  { group: "calls", name: "mono-mix", audio: "audio/calls/mono-mix.wav", rttm: "audio/calls/mono-mix.rttm" },
  {
    group: "calls",
    name: "dialogue",
    audio: "audio/formats/dialogue.wav",
    rttm: "audio/formats/dialogue.rttm",
  },
  ...["sales-call-en", "sales-call-ru"].map((name) => ({
    group: "samples",
    name,
    audio: `samples/${name}.wav`,
    rttm: `samples/${name}.rttm`,
  })),
  {
    group: "long",
    name: "long-call-en",
    audio: "samples/long-call-en.flac",
    rttm: "samples/long-call-en.rttm",
  },
];
/** Meeting clips are cut from longer recordings. */
const MEETING_SECONDS = 30;

async function modelPath(folder: string): Promise<string> {
  const [, , given] = process.argv;
  if (given) return given;
  const parts = sharedPath("diarization");
  if (!parts) throw new Error("Name a model: there are no parts of one beside the repository");
  const { files } = await convertModel(parts, { out: folder, type: "f32" });
  return files[0]!.path;
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`.padStart(8);
}

const temporary = mkdtempSync(join(tmpdir(), "agora-diarization-"));
try {
  const model = await modelPath(temporary);
  const groups = new Map<string, { errors: DiarizationErrors[]; right: number }>();
  let audio = 0;
  let work = 0;
  for (const { group, name, audio: file, rttm, recording } of CLIPS) {
    const [path, truth] = [sharedPath(file), sharedPath(rttm)];
    if (!path || !truth) {
      console.error(`${name} is not scored: there is no ${path ? rttm : file} beside the repository`);
      continue;
    }
    const reference = parseRttm(readFileSync(truth, "utf8"), recording);
    const { turns, speakers, duration, processingTime } = await diarize(path, { model, channels: "mix" });
    audio += duration;
    work += processingTime;
    const last = Math.max(duration, ...reference.map(({ end }) => end));
    const end = group === "meetings" ? MEETING_SECONDS : last;
    const [strict, lenient] = [0, 0.25].map((collar) =>
      diarizationErrors(reference, turns, { collar, end }),
    ) as [DiarizationErrors, DiarizationErrors];
    const expected = new Set(reference.map(({ speaker }) => speaker)).size;
    const entry = groups.get(group) ?? { errors: [], right: 0 };
    groups.set(group, entry);
    entry.errors.push(strict);
    if (expected === speakers.length) entry.right++;
    console.log(
      `${name.padEnd(16)}${percent(errorRate(strict))} at collar 0, ${percent(errorRate(lenient))} at 0.25; ` +
        `${speakers.length} of ${expected} speakers`,
    );
  }
  for (const [group, { errors, right }] of groups) {
    const sum = (key: keyof DiarizationErrors) => errors.reduce((total, each) => total + each[key], 0);
    const all = {
      missed: sum("missed"),
      falseAlarm: sum("falseAlarm"),
      confusion: sum("confusion"),
      speech: sum("speech"),
    };
    console.log(
      `${group.padEnd(16)}${percent(errorRate(all))} pooled: missed ${percent(all.missed / all.speech)}, ` +
        `false alarms ${percent(all.falseAlarm / all.speech)}, confusion ${percent(all.confusion / all.speech)}; ` +
        `speakers counted right in ${right} of ${errors.length}`,
    );
  }
  if (groups.size === 0) {
    console.error("Nothing was scored");
    process.exitCode = 1;
  } else {
    console.log(`${(audio / work).toFixed(0)} times real time`);
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
