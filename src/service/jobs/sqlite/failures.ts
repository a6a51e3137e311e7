import { TranscriptionError } from "../../../errors.js";

interface Meaning {
  pattern: RegExp;
  problem(path: string): string;
}

const MEANINGS: readonly Meaning[] = [
  {
    pattern: /^SQLITE_(BUSY|LOCKED)/,
    problem: (path) => `${path} is in use by another server: give each server a folder of its own`,
  },
  {
    pattern: /^SQLITE_(NOTADB|CORRUPT|FORMAT|MISMATCH)/,
    problem: (path) => `${path} is damaged: restore it, or move it away to begin without jobs`,
  },
  { pattern: /^SQLITE_FULL/, problem: (path) => `there is no room for ${path}` },
  {
    pattern: /^SQLITE_(IOERR|CANTOPEN|READONLY|PERM|NOLFS|AUTH)/,
    problem: (path) => `${path} cannot be read or written`,
  },
];

/** What SQLite says, as one of the library's errors: STORAGE_FAILED, or INTERNAL for what is a mistake of ours. */
export function storeFailure(error: unknown, path: string): TranscriptionError {
  if (error instanceof TranscriptionError) return error;
  const { code, message } = error as Error & { code?: unknown };
  const meaning = MEANINGS.find(({ pattern }) => pattern.test(String(code)));
  if (!meaning) return TranscriptionError.from(error);
  const text = `Cannot use the store of jobs: ${meaning.problem(path)} (${message})`;
  return new TranscriptionError("STORAGE_FAILED", text, { cause: error });
}
