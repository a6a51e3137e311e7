import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { shared } from "../../support/real-recordings.js";

/** A row of `cases.tsv`: an input on which the product once failed, and what is right. */
export interface Case {
  file: string;
  /** Absolute path of the input. */
  path: string;
  special: string;
  /** As a user types it, with FILE for the input and `--model base` for real Whisper base. */
  command: string;
  right: string;
}

/** The rows of a folder of cases. */
export function casesOf(folder: "audio" | "text"): Case[] {
  const table = shared(`cases/${folder}/cases.tsv`);
  const [head, ...lines] = readFileSync(table, "utf8").trim().split("\n");
  const columns = head!.split("\t");
  return lines.map((line) => {
    const cells = line.split("\t");
    const cell = (name: string) => cells[columns.indexOf(name)] ?? "";
    const file = cell("file");
    return {
      file,
      path: join(dirname(table), file),
      special: cell("what is special"),
      command: cell("command"),
      right: cell("right result"),
    };
  });
}

/**
 * The arguments of a case's command after the program's name, as the shell cuts them.
 * @param base path of real Whisper base
 */
export function argumentsOf({ command, path }: Case, base: string): string[] {
  const quoted = command.replace(/^agora-transcribe /, "").replaceAll("FILE", `'${path}'`);
  const words = execFileSync("bash", ["-c", `printf '%s\\0' ${quoted}`], { maxBuffer: 1 << 24 });
  return words
    .toString()
    .split("\0")
    .slice(0, -1)
    .map((word, index, all) => {
      if (word === "base" && all[index - 1] === "--model") return base;
      return word.startsWith("../") ? resolve(dirname(path), word) : word;
    });
}
