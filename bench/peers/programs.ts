import { readFileSync } from "node:fs";
import { decode } from "../../test/support/audio.js";
import type { RealWhisper } from "../../test/support/real-whisper-models.js";
import { writeWindows } from "../support/audio-windows.js";
import { MeasuringProgram } from "../support/measuring-program.js";
import { buildPeer } from "../support/native-builds.js";
import type { Work } from "./work.js";

export const OURS = "agora-transcribe";
export const FASTER_WHISPER = "faster-whisper";
export const WHISPER_CPP = "whisper.cpp";

/** A program in one setting, its model loaded. */
export interface Peer {
  group: typeof OURS | typeof FASTER_WHISPER | typeof WHISPER_CPP;
  name: string;
  /** @param file with the work */
  transcribe(file: string): Promise<{ seconds: number; texts: string[] }>;
}

/** Everything that is compared, on the same weights; each loads its model once and stays. */
export async function startPeers(
  models: RealWhisper,
  threads: number,
): Promise<{ peers: Peer[]; close(): Promise<void> }> {
  const started: MeasuringProgram[] = [];
  const start = async (program: string, ...args: string[]) => {
    const measuring = await MeasuringProgram.start(program, ...args);
    started.push(measuring);
    return measuring;
  };
  const peers: Peer[] = [];
  const add = (
    group: Peer["group"],
    setting: string,
    program: MeasuringProgram,
    ...rest: (string | number)[]
  ) =>
    peers.push({
      group,
      name: `${group} ${setting}`,
      transcribe: (file) => program.ask("transcribe", file, ...rest),
    });

  for (const computeType of ["int8", "bfloat16"]) {
    const options = JSON.stringify({ model: models.base, computeType, threads });
    add(OURS, computeType, await start(process.execPath, ...LOADER, AGORA, options));
  }
  for (const computeType of ["int8", "float32"]) {
    const settings = { model: models.ct2.base, computeType };
    const one = await start(
      models.python!,
      FASTER_WHISPER_SPEED,
      JSON.stringify({ ...settings, threads, workers: 1 }),
    );
    add(FASTER_WHISPER, `${computeType} sequential`, one, 0);
    for (const batch of [8, 16]) add(FASTER_WHISPER, `${computeType} batched, ${batch} windows`, one, batch);
    if (threads === 1) continue;
    const several = JSON.stringify({ ...settings, threads: 1, workers: threads });
    const workers = await start(models.python!, FASTER_WHISPER_SPEED, several);
    add(FASTER_WHISPER, `${computeType} sequential, a worker to a core`, workers, 0);
  }
  for (const [type, file] of [
    ["f16", models.base],
    ["q8_0", models.baseQ8],
  ] as const) {
    const program = await start(buildPeer().bench, file, String(threads));
    peers.push({
      group: WHISPER_CPP,
      name: `${WHISPER_CPP} ${type}`,
      transcribe: (work) => runWhisperCpp(program, work),
    });
  }
  return {
    peers,
    close: async () => {
      for (const program of started) await program.close();
    },
  };
}

const root = new URL("../../", import.meta.url);
const pathOf = (file: string) => new URL(file, root).pathname;
const LOADER = ["--import", pathOf("test/support/typescript-loader.mjs")];
const AGORA = pathOf("bench/peers/agora-run.ts");
const FASTER_WHISPER_SPEED = pathOf("bench/peer/faster_whisper_speed.py");

/** Its recordings are decoded already. */
async function runWhisperCpp(
  program: MeasuringProgram,
  file: string,
): Promise<{ seconds: number; texts: string[] }> {
  const { recordings, beamSize } = JSON.parse(readFileSync(file, "utf8")) as Work;
  const samples = await Promise.all(recordings.map(async ({ path }) => (await decode(path)).tracks[0]!));
  writeWindows(`${file}.samples`, samples);
  return program.ask("texts", `${file}.samples`, beamSize, recordings[0]!.language);
}
