import { expect, it } from "vitest";
import { describeWithRealWhisper, realWhisper, thereIsRealWhisper } from "../support/real-whisper.js";
import { type RealRun, runRealCli } from "../support/run-real-cli.js";
import { AUDIO_CHECKS } from "./cases/audio-checks.js";
import { argumentsOf, type Case, casesOf } from "./cases/case-table.js";
import type { Check } from "./cases/checks.js";
import { TEXT_CHECKS } from "./cases/text-checks.js";

/** languages.test.ts has a table of its own. */
const LANGUAGES = "languages.tsv";

const named = (rows: readonly Case[]) => rows.map((row) => ({ ...row, name: `${row.file}: ${row.special}` }));
const tables = thereIsRealWhisper
  ? { audio: named(casesOf("audio")), text: named(casesOf("text").filter(({ file }) => file !== LANGUAGES)) }
  : { audio: [], text: [] };

/** What the row's command does; nothing where it is no command line. */
async function runOf(row: Case): Promise<RealRun> {
  if (!row.command.startsWith("agora-transcribe ")) return undefined as never;
  return runRealCli(argumentsOf(row, realWhisper().base));
}

/** The check of a row that says "the same …" is run with what its words add to the command. */
function checkOf(row: Case): Check | undefined {
  const rows = [...tables.audio, ...tables.text].filter(({ file }) => file === row.file);
  const index = rows.findIndex(({ command }) => command === row.command);
  return AUDIO_CHECKS[row.file] ?? TEXT_CHECKS[row.file]?.[index];
}

describeWithRealWhisper("a recording that once went wrong", () => {
  it.each([...tables.audio, ...tables.text])("$name", async (row) => {
    const check = checkOf(row);
    expect(check, `no check holds this row against: ${row.right}`).toBeDefined();
    await check!(await runOf(row), row);
  });
});
