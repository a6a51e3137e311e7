import { readFileSync } from "node:fs";
import { nearest } from "../config/nearest.js";
import { TranscriptionError } from "../errors.js";
import { packageFile } from "../package-files.js";

/** `"whisper"`: a speech model, `"vad"`: voice activity detection, `"diarization"`: tells speakers apart. */
export type ModelKind = "whisper" | "vad" | "diarization";

/** One model that is known by name. */
export interface RegistryEntry {
  /** What users type: `"large-v3-turbo-q5_0"`. */
  name: string;
  /** Other names it answers to: `"turbo"`. */
  aliases?: readonly string[];
  kind: ModelKind;
  /** File name in the cache folder, or in the package's `models` folder when it is bundled. */
  file: string;
  /** Where it is published, at a fixed revision. Absent for bundled models. */
  url?: string;
  /** Part of this package, or of {@link package}, and never downloaded. */
  bundled?: boolean;
  /** The npm package of its own that a bundled model comes in, unless it lies here, as in a clone. */
  package?: string;
  /** Size of the file. */
  bytes: number;
  /** Of the file, lower-case hexadecimal. */
  sha256: string;
  licence: string;
  /** Longest window in seconds that the model reads well, 1 to 30. Absent: the whole 30. */
  maxWindow?: number;
  /** One line for lists. */
  description: string;
}

/** The known models, in the order of lists. */
export class Registry {
  readonly #byName = new Map<string, RegistryEntry>();

  constructor(readonly entries: readonly RegistryEntry[]) {
    const files = new Set<string>();
    for (const entry of entries) {
      for (const name of [entry.name, ...(entry.aliases ?? [])]) {
        if (this.#byName.has(name)) throw malformed(entry.name, `a name of its own, but ${name} is taken`);
        this.#byName.set(name, entry);
      }
      if (files.has(entry.file)) throw malformed(entry.name, `a file of its own, but ${entry.file} is taken`);
      files.add(entry.file);
    }
  }

  /** The entry of a name or alias. */
  find(name: string): RegistryEntry | undefined {
    return this.#byName.get(name);
  }

  /** The entry of a file name in the cache folder. */
  findFile(file: string): RegistryEntry | undefined {
    return this.entries.find((entry) => entry.file === file);
  }

  /** ` Did you mean "tiny"?` for a name close to a known one, else nothing; `models/ggml-tiny.bin` counts as `tiny`. */
  hint(name: string, kind?: ModelKind): string {
    const wanted = name
      .toLowerCase()
      .replace(/^.*[/\\]|\.bin$/g, "")
      .replace(/^ggml-/, "");
    const names = [...this.#byName]
      .filter(([, entry]) => !kind || entry.kind === kind)
      .map(([known]) => known);
    const meant = nearest(wanted, names);
    return meant ? ` Did you mean "${meant}"?` : "";
  }
}

let shipped: Registry | undefined;

/** The registry of this package, `models/registry.json`. */
export function registry(): Registry {
  shipped ??= parseRegistry(JSON.parse(readFileSync(packageFile("models", "registry.json"), "utf8")));
  return shipped;
}

/**
 * Checks the content of a registry file.
 * @throws TranscriptionError INTERNAL that names the entry and what is wrong with it
 */
export function parseRegistry(content: unknown): Registry {
  const models = isRecord(content) ? content.models : undefined;
  if (!Array.isArray(models)) throw malformed("the file", 'a list "models"');
  return new Registry(models.map(parseEntry));
}

function parseEntry(value: unknown, index: number): RegistryEntry {
  if (!isRecord(value)) throw malformed(`entry ${index}`, "an object");
  const label = typeof value.name === "string" ? value.name : `entry ${index}`;
  const expect = (holds: boolean, expected: string): void => {
    if (!holds) throw malformed(label, expected);
  };
  expect(matches(value.name, NAME), "a name of letters, digits, dots, dashes and underscores");
  expect(
    value.aliases === undefined ||
      (Array.isArray(value.aliases) && value.aliases.every((alias) => matches(alias, NAME))),
    "aliases of letters, digits, dots, dashes and underscores",
  );
  expect(
    MODEL_KINDS.some((kind) => kind === value.kind),
    `a kind, one of ${MODEL_KINDS.join(", ")}`,
  );
  expect(matches(value.file, FILE), "a file name that ends in .bin or .gguf");
  expect(Number.isSafeInteger(value.bytes) && (value.bytes as number) > 0, "a size in bytes");
  expect(matches(value.sha256, SHA256), "a SHA-256 of 64 lower-case hexadecimal digits");
  expect(isText(value.licence), "a licence");
  expect(isText(value.description), "a description");
  expect(
    value.bundled === undefined
      ? matches(value.url, HTTPS)
      : value.bundled === true && value.url === undefined,
    "an https url, or bundled: true",
  );
  expect(
    value.package === undefined || (value.bundled === true && matches(value.package, NAME)),
    "a package's name, for a bundled model only",
  );
  const window = value.maxWindow;
  expect(
    window === undefined || (typeof window === "number" && window >= 1 && window <= 30),
    "a maxWindow of 1 to 30",
  );
  return value as unknown as RegistryEntry;
}

const NAME = /^[a-z0-9][a-z0-9._-]*$/;
const FILE = /^[A-Za-z0-9][A-Za-z0-9._-]*\.(bin|gguf)$/;
const MODEL_KINDS: readonly ModelKind[] = ["whisper", "vad", "diarization"];
const SHA256 = /^[0-9a-f]{64}$/;
const HTTPS = /^https:\/\/[^\s?#]+$/;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "";
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === "string" && pattern.test(value);
}

function malformed(entry: string, expected: string): TranscriptionError {
  return new TranscriptionError("INTERNAL", `Model registry: expected ${expected} for ${entry}`);
}
