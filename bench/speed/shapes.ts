/** Encoder and decoder by themselves, with random weights. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Measured, MeasuringProgram } from "../support/measuring-program.js";
import { relativeError } from "../support/relative-error.js";
import { alternate, type Entrant } from "./alternate.js";
import { COMPUTE_TYPES, type MeasuredModel, type MeasuredType, PEER_FILES } from "./models.js";
import { fastest, type Goal, makeRow, OURS, PEER, type Row, type Settings } from "./row.js";

const DECODER_GOAL: Goal = { target: 8, atLeast: 5 };
/** Sequences that decode together; the goal is for one of these. */
const BATCHES = [1, 4, 16, 32];
const GOAL_BATCH = 16;
/** The measured tokens lie around this position, the middle of a window's text. */
const MIDDLE_POSITION = 48;

/** Differences from float32, relative to its norm. */
export interface Accuracy {
  encoder: number;
  logits: number;
  /** Whether the encoder's difference is within the compute type's bound. */
  met: boolean;
}

export interface ShapeResult {
  rows: Row[];
  accuracy: Record<string, Accuracy>;
}

/** Measures the parts asked for. Every model is loaded once and stays while all take turns. */
export async function measureShape(
  model: MeasuredModel,
  parts: { encoder: boolean; decoder: boolean },
  encoderGoal: Goal,
  settings: Settings,
): Promise<ShapeResult> {
  const threads = String(settings.threads);
  const ours = new Map<MeasuredType, MeasuringProgram>();
  const peers = new Map<string, MeasuringProgram>();
  try {
    for (const type of COMPUTE_TYPES) {
      const file = model.files[type.file]!;
      ours.set(type, await MeasuringProgram.start(settings.engineProgram, file, threads, type.name));
    }
    for (const file of PEER_FILES) {
      peers.set(file, await MeasuringProgram.start(settings.peerProgram, model.files[file]!, threads));
    }
    const accuracy = await compareWithReference(ours);
    const isEligible = (type: string) => accuracy[type]!.met;
    const rows: Row[] = [];
    if (parts.encoder) {
      const entrants = await encoderEntrants(ours, peers, settings, isEligible);
      const results = await alternate(entrants, settings.rounds);
      rows.push(makeRow(`encoder, ${model.name}`, "windows/s", results, encoderGoal));
    }
    if (parts.decoder) rows.push(...(await measureDecoder(model.name, ours, peers, settings, isEligible)));
    return { rows, accuracy };
  } finally {
    for (const program of [...ours.values(), ...peers.values()]) await program.close();
  }
}

/** What each compute type computes, against the reference. */
export async function measureAccuracy(
  model: MeasuredModel,
  settings: Settings,
): Promise<Record<string, Accuracy>> {
  const programs = new Map<MeasuredType, MeasuringProgram>();
  try {
    for (const type of COMPUTE_TYPES) {
      const file = model.files[type.file]!;
      programs.set(
        type,
        await MeasuringProgram.start(settings.engineProgram, file, String(settings.threads), type.name),
      );
    }
    return await compareWithReference(programs);
  } finally {
    for (const program of programs.values()) await program.close();
  }
}

async function compareWithReference(
  programs: Map<MeasuredType, MeasuringProgram>,
): Promise<Record<string, Accuracy>> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "agora-speed-"));
  try {
    const file = path.join(folder, "outputs");
    const outputs: { type: MeasuredType; encoder: Float32Array; logits: Float32Array }[] = [];
    for (const [type, program] of programs) {
      const { encoded } = await program.ask<{ encoded: number }>("outputs", file);
      const values = new Float32Array(Uint8Array.from(readFileSync(file)).buffer);
      outputs.push({ type, encoder: values.subarray(0, encoded), logits: values.subarray(encoded) });
    }
    const [reference] = outputs;
    return Object.fromEntries(
      outputs.map(({ type, encoder, logits }) => {
        const difference = relativeError(encoder, reference!.encoder);
        return [
          type.name,
          {
            encoder: difference,
            logits: relativeError(logits, reference!.logits),
            met: difference <= type.bound,
          },
        ];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const rate = ({ seconds, count }: Measured) => count / seconds;

async function encoderEntrants(
  ours: Map<MeasuredType, MeasuringProgram>,
  peers: Map<string, MeasuringProgram>,
  { quick }: Settings,
  isEligible: (type: string) => boolean,
): Promise<Entrant[]> {
  const entrants: Entrant[] = [];
  const add = async (group: string, name: string, contends: boolean, program: MeasuringProgram) => {
    // Warms up, and tells how many windows take about a second and a half.
    const { seconds } = await program.ask("encode", 1);
    const windows = quick ? 1 : Math.max(1, Math.min(16, Math.round(1.5 / seconds)));
    entrants.push({ group, name, contends, run: async () => rate(await program.ask("encode", windows)) });
  };
  for (const [type, program] of ours) await add(OURS, type.name, isEligible(type.name), program);
  for (const [file, program] of peers) await add(PEER, file, true, program);
  return entrants;
}

/** One row for the batch that the goal is for; the other batches and the ratio to our own one sequence go with it. */
async function measureDecoder(
  shape: string,
  ours: Map<MeasuredType, MeasuringProgram>,
  peers: Map<string, MeasuringProgram>,
  { rounds, quick }: Settings,
  isEligible: (type: string) => boolean,
): Promise<Row[]> {
  const decode = async (program: MeasuringProgram, steps: number, ...batch: number[]) =>
    rate(await program.ask("decode", ...batch, steps, MIDDLE_POSITION - Math.floor(steps / 2)));
  const ofBatch = new Map<Entrant, number>();
  for (const batch of BATCHES) {
    const steps = quick ? 2 : Math.max(12, 48 / batch);
    for (const [{ name }, program] of ours) {
      const run = () => decode(program, steps, batch);
      ofBatch.set({ group: `${OURS} × ${batch}`, name, contends: isEligible(name), run }, batch);
    }
  }
  const peerSteps = quick ? 2 : 48;
  const peer = [...peers].map(
    ([name, program]): Entrant => ({
      group: PEER,
      name,
      contends: true,
      run: () => decode(program, peerSteps),
    }),
  );
  const results = await alternate([...peer, ...ofBatch.keys()], rounds);

  const rowOf = (batch: number) => {
    const side = [...ofBatch].filter(([, size]) => size === batch).map(([entrant]) => entrant);
    const picked = [
      ...side.map((entrant) => [{ ...entrant, group: OURS }, results.get(entrant)!] as const),
      ...peer.map((entrant) => [entrant, results.get(entrant)!] as const),
    ];
    const what = `decoder, ${shape}, ${batch === 1 ? "one sequence" : `batch ${batch}`}`;
    const rowGoal = batch === GOAL_BATCH ? DECODER_GOAL : undefined;
    return makeRow(what, "tokens/s", new Map(picked), rowGoal);
  };
  const rows = BATCHES.map(rowOf);
  const goal = rows[BATCHES.indexOf(GOAL_BATCH)]!;
  const alone = rows[0]!.ours;
  goal.also = {
    "against our own one sequence":
      goal.ours[goal.best.ours]!.median / alone[fastest(alone, isEligible)]!.median,
  };
  return rows;
}
