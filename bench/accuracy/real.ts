/**
 * Real Whisper base: this package in every compute type, faster-whisper and whisper.cpp, on the same weights and the
 * same files, each with its own defaults but for the search. Texts of all are normalised alike: English by
 * test/support/english-words.ts, others by their words in lower case without punctuation.
 *
 * The goal, row by row: no more errors than faster-whisper with the same search (its sequential form, in float32 for
 * our floating types and int8 for ours) and 1 % more, and no words where nobody speaks and it writes none.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { englishWords } from "../../test/support/english-words.js";
import { prepareRealWhisper } from "../../test/support/real-whisper-models.js";
import { normalisedWords, type WordErrorRate, wordErrorRate } from "../../test/support/word-error-rate.js";
import { accuracyPrograms, type Program } from "./programs.js";
import { accuracyRows, type Recording, type Row } from "./rows.js";

const BUILD = fileURLToPath(new URL("../../build/bench", import.meta.url));
/** Of faster-whisper's errors: what the order of sums alone may change. */
const MARGIN = 1.01;

export interface RealComparison {
  /** Only rows and programs whose names have all words of one of these; all if empty. */
  rows: readonly string[];
  programs: readonly string[];
  threads: number;
}

/** Errors of a program in a row. */
type Count = Pick<WordErrorRate, "errors" | "substitutions" | "insertions" | "deletions" | "words">;

/** Prints the tables and writes them to build/bench. @returns whether every goal was met */
export async function compareOnRealModel(wanted: RealComparison): Promise<boolean> {
  const prepared = prepareRealWhisper(true);
  if ("missing" in prepared) throw new Error(`No real Whisper models: ${prepared.missing}`);
  const has = (words: readonly string[], { name }: { name: string }) =>
    words.length === 0 ||
    words.some((each) => each.split(" ").every((word) => name.toLowerCase().includes(word.toLowerCase())));
  const rows = (await accuracyRows(path.join(BUILD, "real"))).filter((row) => has(wanted.rows, row));
  const programs = accuracyPrograms(prepared.models, wanted.threads).filter((each) =>
    has(wanted.programs, each),
  );
  if (rows.length === 0 || programs.length === 0) throw new Error("No row or no program has such a name");

  const counts = new Map<string, Count[]>();
  const texts: Record<string, string[][]> = {};
  for (const program of programs) {
    console.error(`${program.name} …`);
    const heard = await program.texts(rows);
    const counted = rows.map((row, i) => countRow(row, heard[i]!));
    texts[program.name] = heard;
    counts.set(program.name, counted);
    // All of it takes an hour: what is there already is told.
    console.error(`  errors: ${rows.map(({ name }, i) => `${name} ${counted[i]!.errors}`).join("; ")}`);
  }
  const missed = rows.flatMap((row, index) => {
    console.log(`\n${row.name} (${counts.get(programs[0]!.name)![index]!.words} words):`);
    console.table(programs.map(({ name }) => tableLine(name, counts.get(name)![index]!)));
    return programs.flatMap((program) => missedGoal(program, row, index, counts));
  });
  mkdirSync(BUILD, { recursive: true });
  const report = { cpu: os.cpus()[0]?.model, rows, counts: Object.fromEntries(counts), texts, missed };
  writeFileSync(path.join(BUILD, "accuracy-real.json"), JSON.stringify(report, null, 2));
  const isHeld = programs.some(({ goal }) => goal !== undefined && counts.has(goal));
  if (!isHeld)
    console.log("\nNo goal is held: a program or faster-whisper with the same search was left out.");
  else
    console.log(missed.length === 0 ? "\nEvery goal is met." : `\nGoals missed:\n  ${missed.join("\n  ")}`);
  return missed.length === 0;
}

function countRow({ recordings }: Row, texts: readonly string[]): Count {
  const total: Count = { errors: 0, substitutions: 0, insertions: 0, deletions: 0, words: 0 };
  for (const [i, recording] of recordings.entries()) {
    const count = errorsOf(recording, texts[i]!);
    for (const key of Object.keys(total) as (keyof Count)[]) total[key] += count[key];
  }
  return total;
}

function errorsOf({ text, language }: Recording, hypothesis: string): WordErrorRate {
  return wordErrorRate(text, hypothesis, language === "en" ? englishWords : normalisedWords);
}

function tableLine(program: string, { words, ...count }: Count) {
  const { errors, substitutions, insertions, deletions } = count;
  if (words === 0) return { program, "invented words": insertions };
  const rate = Number(((100 * errors) / words).toFixed(2));
  return { program, errors, "word error rate, %": rate, substitutions, insertions, deletions };
}

/** What is wrong with a program's row, in words; empty where it is right or nothing to compare with was run. */
function missedGoal(
  program: Program,
  row: Row,
  index: number,
  counts: ReadonlyMap<string, Count[]>,
): string[] {
  const peer = program.goal === undefined ? undefined : counts.get(program.goal)?.[index];
  if (!peer) return [];
  const { errors } = counts.get(program.name)![index]!;
  if (errors <= peer.errors * MARGIN) return [];
  return [`${row.name}: ${program.name} has ${errors} errors, ${program.goal} ${peer.errors}`];
}
