import { describe, expect, it } from "vitest";
import { resolveRequest } from "../../src/config/options.js";
import { loadDefinitions } from "../../src/doors/grpc/definitions.js";
import type { TranscribeRequest } from "../../src/doors/grpc/v2/messages.js";
import { checkOptions, toTranscribeOptions } from "../../src/doors/grpc/v2/options.js";
import { TranscriptionError } from "../../src/errors.js";
import type { Transcriber } from "../../src/index.js";
import { answer, fakeApi } from "../support/fake-api.js";
import { folderWith } from "../support/folder-with.js";
import {
  flagOf,
  inside,
  LISTS,
  OPTION_RANGES,
  type OptionRange,
  optionsOf,
  outside,
  snake,
} from "../support/option-ranges.js";
import { runInProcess } from "../support/run-cli.js";

interface FieldDescriptor {
  name: string;
  label: string;
  type: string;
  typeName: string;
}

const definitions = loadDefinitions();
const fieldsOf = (message: string): FieldDescriptor[] =>
  (definitions[`transcription.v2.${message}`] as unknown as { type: { field: FieldDescriptor[] } }).type
    .field;
const FIELDS = {
  "": fieldsOf("TranscriptionOptions"),
  vadOptions: fieldsOf("VadOptions"),
};
const { requestSerialize, requestDeserialize } = (
  definitions["transcription.v2.TranscriptionService"] as unknown as Record<
    string,
    {
      requestSerialize: (message: object) => Buffer;
      requestDeserialize: (bytes: Buffer) => TranscribeRequest;
    }
  >
).Transcribe!;

/** Fields that cannot be called as the option: a repeated one, and the one limit that a request has. */
const RENAMED: Record<string, string> = { temperature: "temperatures", "limits.maxDuration": "max_duration" };
/** Limits of the server alone, and what only a program can use. */
const NOT_IN_REQUESTS = [
  "limits",
  "limits.maxBytes",
  "limits.decodeTimeout",
  "signal",
  "onSegment",
  "onProgress",
];
const IN_OBJECTS = ["vadOptions", "limits"];

/** Where a number stands in a message, and not in its place. */
const IN_MESSAGES: Record<string, string> = {
  suppressTokens: "suppress_tokens.ids",
  channels: "channels.index",
};

/** All options of a request, those of objects too. */
function allOptions(): string[] {
  const known = (options: object): string[] => {
    try {
      resolveRequest(options);
    } catch (error) {
      return / known are (.*)$/.exec((error as Error).message)![1]!.split(", ");
    }
    throw new Error("Expected an error");
  };
  const none = { "no option is called so": 1 };
  const inObjects = IN_OBJECTS.flatMap((name) => known({ [name]: none }).map((part) => `${name}.${part}`));
  return [...known(none), ...inObjects];
}

function fieldOf(option: string): FieldDescriptor | undefined {
  const [object = "", part] = option.split(".");
  const name = RENAMED[option] ?? snake(part ?? object);
  return (object === "vadOptions" && part ? FIELDS.vadOptions : FIELDS[""]).find(
    (field) => field.name === name,
  );
}

describe("an option has one name", () => {
  it.each(
    allOptions().filter((option) => ![...IN_OBJECTS, "signal", "onSegment", "onProgress"].includes(option)),
  )("on the command line: %s", async (option) => {
    const { stdout } = await runInProcess(["--help"]);
    expect(stdout).toMatch(new RegExp(`--(no-)?${flagOf(option).slice(2)}[ \\n]`));
  });

  it.each(allOptions().filter((option) => !NOT_IN_REQUESTS.includes(option)))("in gRPC: %s", (option) => {
    expect(fieldOf(option)).toBeDefined();
  });

  it("and gRPC has no other", () => {
    const named = allOptions().map((option) => fieldOf(option)?.name);
    expect(
      [...FIELDS[""], ...FIELDS.vadOptions].map(({ name }) => name).filter((name) => !named.includes(name)),
    ).toEqual([]);
  });
});

const values = ({ beside }: OptionRange, option: string, value: unknown) =>
  optionsOf({ ...beside, [option]: value });
const rows = (of: (range: OptionRange) => number[]) =>
  OPTION_RANGES.flatMap((range) => of(range).map((value) => ({ option: range.option, value, range })));

/** What goes wrong with `work`, by code and option. */
function refusal(work: () => unknown): { code: string; option: string | undefined } | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    const { code, option } = TranscriptionError.from(error);
    return { code, option };
  }
}

describe("in the library", () => {
  const listed = (option: string, value: number) => (option === "suppressTokens" ? [value] : value);

  it.each(rows(inside))("$option may be $value", ({ option, value, range }) => {
    expect(refusal(() => resolveRequest(values(range, option, listed(option, value))))).toBeUndefined();
  });

  it.each(rows(outside))("$option may not be $value", ({ option, value, range }) => {
    const refused = refusal(() => resolveRequest(values(range, option, listed(option, value))));
    expect(refused).toEqual({
      code: "INVALID_ARGUMENT",
      option: option === "suppressTokens" ? "suppressTokens[0]" : option,
    });
  });
});

describe("on the command line", () => {
  const run = async ({ beside = {} }: OptionRange, option: string, value: number) => {
    const folder = await folderWith("a.wav");
    const api = fakeApi(async (_input, options) => {
      resolveRequest(options ?? {});
      return answer([]);
    });
    const args = Object.entries({ ...beside, [option]: value }).map(
      ([name, each]) =>
        `${flagOf(name)}=${each.toLocaleString("en", { useGrouping: false, maximumFractionDigits: 9 })}`,
    );
    return runInProcess([`${folder}/a.wav`, ...args], { api });
  };

  it.each(rows(inside))("$option may be $value", async ({ option, value, range }) => {
    expect(await run(range, option, value)).toMatchObject({ code: 0, stderr: "" });
  });

  it.each(rows(outside))("$option may not be $value", async ({ option, value, range }) => {
    const { code, stderr } = await run(range, option, value);
    expect(code).toBe(2);
    expect(stderr).toContain(flagOf(option));
  });
});

describe("in a request of gRPC", () => {
  const SCALARS = ["TYPE_DOUBLE", "TYPE_INT32"];
  const transcriber = { checkOptions: (options: object) => void resolveRequest(options) } as Transcriber;

  function wrapped({ label, type, typeName }: FieldDescriptor, value: number): unknown {
    if (label === "LABEL_REPEATED") return [value];
    if (SCALARS.includes(type)) return value;
    if (typeName.endsWith("TokenList")) return { ids: [value] };
    return typeName.endsWith("ChannelSelection") ? { index: value } : { value };
  }

  function send({ beside = {} }: OptionRange, option: string, value: number): void {
    const given = Object.entries({ ...beside, [option]: value }).map(([name, each]): [string, unknown] => {
      const field = fieldOf(name)!;
      return [
        name.startsWith("vadOptions.") ? `vad_options.${field.name}` : field.name,
        wrapped(field, each),
      ];
    });
    const request = { config: { options: optionsOf(Object.fromEntries(given)) } };
    const { config } = requestDeserialize(requestSerialize(request));
    checkOptions(toTranscribeOptions(config!.options, Number.POSITIVE_INFINITY), transcriber);
  }

  const sendable = ({ option }: { option: string }) => !NOT_IN_REQUESTS.includes(option);
  /** Nothing is what a field that is no message holds when it is left out; no more than 32 bits can be sent. */
  const isLost = ({ option, value }: { option: string; value: number }) => {
    const { label, type } = fieldOf(option)!;
    const single = SCALARS.includes(type) && label !== "LABEL_REPEATED";
    return (single && value === 0) || (type === "TYPE_INT32" && value > 2 ** 31 - 1);
  };

  it.each(rows(inside).filter(sendable))("$option may be $value", ({ option, value, range }) => {
    expect(refusal(() => send(range, option, value))).toBeUndefined();
  });

  it.each(rows(outside).filter((row) => sendable(row) && !isLost(row)))(
    "$option may not be $value",
    ({ option, value, range }) => {
      const field = fieldOf(option)!;
      const path = option.startsWith("vadOptions.") ? `vad_options.${field.name}` : field.name;
      expect(refusal(() => send(range, option, value))).toEqual({
        code: "INVALID_ARGUMENT",
        option: `config.options.${IN_MESSAGES[option] ?? path}${LISTS.includes(option) ? "[0]" : ""}`,
      });
    },
  );
});
