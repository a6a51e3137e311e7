import type { KnownModel } from "../server/models.js";
import { useText } from "../text/text.js";

const MIB = 1024 ** 2;

interface DownloadsListProps {
  models: readonly KnownModel[];
  onDownload(model: KnownModel, isDownloading: boolean): void;
}

/** Models that the server can be asked to download, and how far it is with those that it was asked for. */
export function DownloadsList({ models, onDownload }: DownloadsListProps) {
  const text = useText();
  const mib = (bytes: number) => text.say("mib", { value: Math.round(bytes / MIB) });
  return (
    <ul class="models">
      {models.map((model) => {
        const { bytes, description, download, licence, name } = model;
        const isRunning = download !== null && download.error === null;
        return (
          <li class="row" key={name}>
            <span class="name">{name}</span>
            <span class="state">
              {isRunning
                ? text.say("downloadingOf", {
                    received: mib(download.received),
                    total: mib(download.total ?? bytes),
                  })
                : [mib(bytes), licence, description].join(" · ")}
            </span>
            {isRunning && (
              <progress
                value={download.received / (download.total ?? bytes)}
                aria-label={text.say("downloading")}
              />
            )}
            {download?.error && (
              <span class="state bad" role="alert">
                {text.say("notDownloaded", { reason: download.error.message })}
              </span>
            )}
            <span class="actions">
              <button type="button" onClick={() => onDownload(model, !isRunning)}>
                {text.say(isRunning ? "cancel" : download ? "again" : "download")}
              </button>
            </span>
          </li>
        );
      })}
    </ul>
  );
}
