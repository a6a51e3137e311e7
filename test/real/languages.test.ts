import { readFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import type { Transcriber } from "../../src/index.js";
import { readSettings } from "../../src/service/read-settings.js";
import { shared } from "../support/real-recordings.js";
import { realServer } from "../support/real-server.js";
import {
  describeWithRealWhisper,
  realTranscriber,
  realWhisper,
  thereIsRealWhisper,
} from "../support/real-whisper.js";
import { runRealCli } from "../support/run-real-cli.js";
import { uploadOf, V2Client } from "../support/v2-client.js";

/** What a spelling of a language gives: a code, `detected`, or words of the refusal, some of them never. */
interface Spelling {
  value: string;
  right: string;
}

/** A code that the model was given, `detected`, or the message of the refusal. */
type Given = { code: string } | { refusal: string };

const JFK = thereIsRealWhisper ? shared("audio/jfk.wav") : "";
const spellings: Spelling[] = thereIsRealWhisper
  ? readFileSync(shared("cases/text/languages.tsv"), "utf8")
      .split("\n")
      .slice(1)
      .filter((line) => line.includes("\t"))
      .map((line) => ({ value: line.split("\t")[0]!, right: line.split("\t")[1]! }))
  : [];

function expectRight(given: Given, right: string): void {
  const [first = "", ...alternatives] = right.split(/, or |, /);
  if ("code" in given) {
    expect(given.code, right).toBe(first);
    return;
  }
  const refused = [first, ...alternatives].find((each) => each.includes("refused"));
  expect(refused, `must not be refused: ${given.refusal}`).toBeDefined();
  const suggestion = /"([^"]*)"\?|mean "?([\w-]+)"?/.exec(given.refusal);
  const named = /refused with "(\w+)" named/.exec(right)?.[1];
  const said = given.refusal.replace(/such as "en" or "english"/, "");
  if (named) expect(said).toMatch(new RegExp(`\\b${named}\\b`));
  const never = [...right.matchAll(/never "(\w+)"/g)].map((match) => match[1]!);
  for (const word of never) expect(suggestion?.[1] ?? suggestion?.[2] ?? "").not.toBe(word);
  if (right.includes("empty")) expect(given.refusal).toMatch(/empty|blank/i);
  if (right.includes("codes and English names")) expect(given.refusal).toMatch(/code[\s\S]*English name/i);
}

describeWithRealWhisper("a language that a user types", () => {
  let transcriber: Transcriber;
  beforeAll(async () => {
    transcriber = await realTranscriber({ computeType: "int8" });
  });

  /** Heard in one window, without a second try: only the language counts. */
  const fromLibrary = (language: string): Promise<Given> => {
    const given = known.get(language) ?? readByLibrary(language);
    known.set(language, given);
    return given;
  };
  const known = new Map<string, Promise<Given>>();
  const readByLibrary = async (language: string): Promise<Given> => {
    try {
      const result = await transcriber.transcribe(JFK, { language, temperature: 0, maxTokens: 8 });
      return { code: result.languageProbability < 1 ? "detected" : result.language };
    } catch (error) {
      return { refusal: (error as Error).message };
    }
  };

  it.each(spellings)("“$value” is read by the library: $right", async ({ value, right }) => {
    expectRight(await fromLibrary(value), right);
  });

  it.each(spellings)("“$value” is read by the command line: $right", async ({ value, right }) => {
    const settings = [
      "--model",
      realWhisper().base,
      "--compute-type",
      "int8",
      "--temperature",
      "0",
      "--max-tokens",
      "8",
    ];
    const { result, stderr } = await runRealCli([JFK, "-l", value, ...settings]);
    const given = result && { code: result.languageProbability < 1 ? "detected" : result.language };
    expectRight(given ?? { refusal: stderr }, right);
  });

  it("is read by the server's requests alike", async () => {
    const server = await realServer();
    const v2 = new V2Client(server.port);
    const bytes = readFileSync(JFK);
    // An empty field of the contract is one that is not set.
    for (const { value, right } of spellings.filter((spelling) => spelling.value !== "")) {
      const options = { language: value, temperatures: [0], max_tokens: 8 };
      const given = await v2.upload(uploadOf(bytes, { options })).then(
        ({ language, language_probability }) => ({ code: language_probability < 1 ? "detected" : language }),
        (error: Error) => ({ refusal: error.message }),
      );
      expectRight(given, right);
    }
  });

  it.each(spellings.filter(({ value }) => value.trim() !== ""))(
    "“$value” is read by the server's settings as by the library",
    async ({ value }) => {
      const given = await fromLibrary(value);
      for (const read of [
        () => readSettings({ MODEL_LANGUAGE: value }),
        () => readSettings({}, { language: value }),
      ]) {
        if ("refusal" in given) expect(read).toThrow();
        else expect(read).not.toThrow();
      }
    },
  );
});
