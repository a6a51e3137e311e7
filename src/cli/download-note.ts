import type { DownloadProgress } from "../index.js";
import { formatBytes } from "./units.js";

/** What is said when a model is not simply there; a checkpoint on this machine is converted without a download. */
export function downloadNote({ model, total, converted, licence }: DownloadProgress): string {
  if (converted !== undefined) return `Converting ${model}, once`;
  const facts = [
    ...(total === undefined ? [] : [formatBytes(total)]),
    ...(licence === undefined ? [] : [`licence: ${licence}`]),
  ];
  return `Downloading model ${model}${facts.length > 0 ? ` (${facts.join("; ")})` : ""}`;
}

/** Says once of each model that it is downloaded. */
export function noteDownloads(note: (text: string) => void): (progress: DownloadProgress) => void {
  let latest: string | undefined;
  return (progress) => {
    if (latest !== progress.model) note(downloadNote(progress));
    latest = progress.model;
  };
}
