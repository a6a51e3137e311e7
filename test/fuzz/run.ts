import { performance } from "node:perf_hooks";
import { TranscriptionError } from "../../src/errors.js";
import { Mutator } from "./mutator.js";
import type { Reader } from "./reader.js";

/** Processor time of one run, which a busy machine does not make longer. */
const MOST_SECONDS = 10;
/** Memory that one run may take beyond what there was: files have half a megabyte at most. */
const MOST_BYTES = 256 * 1024 ** 2;

/** Of fewer runs all may be refused: a file that is tried again is one. */
const FEW = 20;

export interface Summary {
  runs: number;
  refused: number;
  /** Greatest processor time of one run. */
  slowest: number;
  seconds: number;
  faults: string[];
}

/** Reads mutated files `first` … `first + runs - 1`; each is the same for the same seed, whatever came before it. */
export async function fuzz(
  reader: Reader,
  {
    runs,
    seed,
    first = 0,
    onRun,
  }: { runs: number; seed: number; first?: number; onRun?: (place: string) => void },
): Promise<Summary> {
  const summary: Summary = { runs, refused: 0, slowest: 0, seconds: 0, faults: [] };
  const started = performance.now();
  for (let run = first; run < first + runs; run++) {
    const place = `--reader ${reader.name} --seed ${seed} --first ${run} --runs 1`;
    onRun?.(place);
    const mutator = new Mutator(seed, reader.name, run);
    const bytes = mutator.mutated(reader.seeds, reader.words);
    const memory = held();
    const processor = process.cpuUsage();
    const failure = await reader.read(bytes, mutator).then(
      () => undefined,
      (error: unknown) => error,
    );
    const { user, system } = process.cpuUsage(processor);
    const seconds = (user + system) / 1e6;
    summary.slowest = Math.max(summary.slowest, seconds);
    if (failure !== undefined) summary.refused++;
    const fault = faultOf(reader, failure, seconds, held() - memory);
    if (fault !== undefined) summary.faults.push(`${place}: ${fault}`);
  }
  if (runs >= FEW && summary.refused === runs)
    summary.faults.push(`--reader ${reader.name}: every file was refused, so nothing was tried`);
  summary.seconds = (performance.now() - started) / 1000;
  return summary;
}

function held(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function faultOf(reader: Reader, failure: unknown, seconds: number, bytes: number): string | undefined {
  if (seconds > MOST_SECONDS) return `it took ${seconds.toFixed(1)} s of the processor`;
  if (bytes > MOST_BYTES) return `it took ${Math.round(bytes / 1024 ** 2)} MiB`;
  if (failure === undefined) return undefined;
  if (!(failure instanceof TranscriptionError)) {
    return `no error of ours: ${failure instanceof Error ? failure.stack : String(failure)}`;
  }
  return reader.refusals.includes(failure.code) ? undefined : `${failure.code}: ${failure.stack}`;
}
