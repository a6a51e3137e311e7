import type { CliContext } from "./context.js";
import { EXIT } from "./exit.js";
import { type CacheFlag, cacheOf } from "./models.js";
import { bar } from "./progress.js";
import type { Terminal, Verbosity } from "./terminal.js";
import { formatBytes, formatDuration } from "./units.js";

export type ConvertFlags = Verbosity & CacheFlag & { out: string; type?: string; force?: boolean };

/** `agora-transcribe models convert FOLDER|NAME --out FOLDER` */
export async function convertModel(
  source: string,
  flags: ConvertFlags,
  { api, signal }: CliContext,
  terminal: Terminal,
): Promise<number> {
  const { out, type, force = false } = flags;
  const start = performance.now();
  let done = 0;
  let phase = source;
  terminal.showStatus(() => `${bar(done)}  ${phase}`);
  try {
    const { kind, files, ...made } = await api.convertModel(source, {
      ...cacheOf(flags),
      out,
      overwrite: force,
      signal,
      onDownload: ({ received, total }) => {
        phase = `downloading ${source}, ${formatBytes(total ?? received)}`;
        done = total ? received / total : 0;
      },
      onProgress: (fraction) => {
        phase = source;
        done = fraction;
      },
      ...(type !== undefined && { type: type.toLowerCase() }),
    });
    terminal.hideStatus();
    for (const { path } of files) await terminal.print(`${path}\n`);
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const seconds = (performance.now() - start) / 1000;
    terminal.summary(`${kind} model as ${made.type}: ${formatBytes(bytes)} in ${formatDuration(seconds)}`);
    return EXIT.ok;
  } finally {
    terminal.hideStatus();
  }
}
