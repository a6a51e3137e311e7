import type { DownloadProgress, Transcriber } from "../index.js";
import type { CliContext } from "./context.js";
import { downloadNote } from "./download-note.js";
import { DownloadStatus } from "./progress.js";
import type { Settings } from "./settings.js";
import type { Terminal } from "./terminal.js";

/** Loads a model, and says how that goes. @throws TranscriptionError, and the reason of an interrupt */
export async function loadTranscriber(
  { transcriber }: Pick<Settings, "transcriber">,
  { api, signal }: CliContext,
  terminal: Terminal,
): Promise<Transcriber> {
  let download: DownloadStatus | undefined;
  let latest: DownloadProgress | undefined;
  // Later a model for speakers may come, beside which a recording has its own status.
  let isLoading = true;
  const onDownload = (progress: DownloadProgress) => {
    if (latest?.model !== progress.model) {
      terminal.note(downloadNote(progress));
      download = new DownloadStatus();
      if (isLoading) terminal.showStatus(() => (latest && download ? download.render(latest) : ""));
    }
    latest = progress;
  };
  terminal.showStatus(() => "loading the model");
  try {
    const loaded = await unlessAborted(api.createTranscriber({ ...transcriber, onDownload }), signal);
    const { model, device } = loaded.info;
    terminal.detail(
      `Model ${model.name} (${model.type}, ${model.weightType}, computed in ${model.computeType}) on ${device.name}, ${device.threads} threads`,
    );
    if (device.note !== undefined) terminal.note(`On the CPU, ${device.note}`);
    if (device.threadsNote !== undefined) terminal.note(device.threadsNote);
    return loaded;
  } finally {
    isLoading = false;
    terminal.hideStatus();
  }
}

/** Does not wait for what cannot be cancelled: the process is about to end. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", stop));
}
