import { createTranscriber, type Transcriber, type TranscriberOptions } from "../../index.js";
import type { Logger } from "../log.js";
import type { ServerSettings } from "../settings.js";
import type { InstalledModel } from "./installed.js";

/** Loads the model of the settings, which may have to be fetched first. */
export function loadMain(settings: ServerSettings, log: Logger, signal: AbortSignal): Promise<Transcriber> {
  return createTranscriber({ ...mainOptions(settings), onDownload: downloadLog(log), signal });
}

/** Loads it again, as it was: what is loaded for a request is never fetched. */
export function loadMainAgain(settings: ServerSettings): Promise<Transcriber> {
  return createTranscriber({ ...mainOptions(settings), download: false });
}

/** Loads a model that a request has named, in the way of the settings. */
export function loadInstalled(
  { source, kind }: InstalledModel,
  settings: ServerSettings,
): Promise<Transcriber> {
  const { implementation } = settings;
  // That of the settings runs Whisper models unless it is for others: a Borealis model has its own.
  const own = kind === "borealis" || implementation === "borealis" ? undefined : implementation;
  return createTranscriber({
    ...commonOptions(settings),
    model: source,
    ...(own !== undefined && { implementation: own }),
    download: false,
  });
}

function mainOptions(settings: ServerSettings): TranscriberOptions {
  const { draftModel, model } = settings;
  const implementation = implementationOf(settings);
  return {
    ...commonOptions(settings),
    ...(draftModel !== undefined && { draftModel }),
    ...(implementation !== undefined && { implementation }),
    ...(model !== undefined && { model }),
  };
}

function commonOptions(settings: ServerSettings): TranscriberOptions {
  const { batchSize, cacheDir, computeType, decodeTimeout, device } = settings;
  const { maxDuration, maxUploadBytes, threads, vadModel } = settings;
  return {
    device,
    batchSize,
    computeType,
    ...(cacheDir !== undefined && { cacheDir }),
    ...(threads !== undefined && { threads }),
    ...(vadModel !== undefined && { vadModel }),
    limits: { maxBytes: maxUploadBytes, maxDuration, decodeTimeout },
  };
}

/** Where nothing says otherwise, that of the service which this server stands in for. */
function implementationOf({ implementation, model }: ServerSettings): string | undefined {
  return implementation ?? (model === undefined && !process.env.AGORA_MODEL ? "borealis" : undefined);
}

function downloadLog(log: Logger): NonNullable<TranscriberOptions["onDownload"]> {
  let announced: string | undefined;
  return (progress) => {
    const licence = progress.licence === undefined ? "" : ` (licence: ${progress.licence})`;
    const step =
      progress.converted === undefined
        ? `Downloading model ${progress.model}${licence}`
        : `Converting model ${progress.model}`;
    if (announced !== step) log.info(step);
    announced = step;
  };
}
