import { stat } from "node:fs/promises";

/** Milliseconds between two looks. */
const LOOK_EVERY = 10_000;

/**
 * Calls `onChange` when one of the files is another than before. Looks at them from time to time rather than being told:
 * secrets that are mounted change by a link to another folder, which no watch on the file sees.
 * @param paths of the files that are in use now
 * @returns ends it
 */
export function watchFiles(
  paths: () => readonly string[],
  onChange: () => Promise<void>,
  every = LOOK_EVERY,
): () => void {
  let known: string | undefined;
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    try {
      const found = (await Promise.all(paths().map(fingerprint))).join("\n");
      const hasChanged = known !== undefined && found !== known;
      known = found;
      if (hasChanged) await onChange();
    } finally {
      isLooking = false;
    }
  };
  void look();
  const timer = setInterval(() => void look(), every).unref();
  return () => clearInterval(timer);
}

async function fingerprint(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return `${path} ${found && [found.dev, found.ino, found.size, found.mtimeMs].join(" ")}`;
}
