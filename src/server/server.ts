import { createTranscriber, type Transcriber, type TranscriberOptions, VERSION } from "../index.js";
import { GrpcFront } from "./grpc/front.js";
import { createLog, type Logger } from "./log.js";
import type { ServerSettings } from "./settings.js";
import { Workers } from "./workers.js";

/** A server that listens. Made by {@link startServer}. */
export interface RunningServer {
  readonly port: number;
  /**
   * Resolves with what is served when the model is loaded; health is SERVING from then on.
   * @throws TranscriptionError as `createTranscriber`
   */
  readonly ready: Promise<ServedModel>;
  /**
   * Stops accepting calls, waits for the open ones as long as the settings allow, ends the others with UNAVAILABLE,
   * and closes. Safe to call at any time, more than once.
   */
  stop(): Promise<void>;
}

/** Which implementation of which version answers, and with what. */
export interface ServedModel {
  /** Version of this package. */
  version: string;
  implementation: string;
  model: string;
  device: string;
}

/**
 * Listens at once, loads the model meanwhile, and serves as soon as it is loaded.
 * @param write gets each line of the log with its line feed; default: standard error
 * @throws TranscriptionError INVALID_ARGUMENT when the address or a TLS file cannot be used
 */
export async function startServer(
  settings: ServerSettings,
  write: (line: string) => void = (line) => process.stderr.write(line),
): Promise<RunningServer> {
  const loggers = createLog(settings.loggingLevel, write);
  const log = loggers("Server");
  const workers = new Workers(settings);
  const front = await GrpcFront.open(settings, workers, loggers("TranscriptionService"));
  log.info(
    `agora-transcribe ${VERSION} listens on ${settings.host}, port ${front.port}, and loads the model`,
  );

  let transcriber: Transcriber | undefined;
  let stopping: Promise<void> | undefined;
  const load = async (): Promise<ServedModel> => {
    const loaded = await createTranscriber(transcriberOptions(settings, log));
    if (stopping) await loaded.close();
    transcriber = loaded;
    workers.use(loaded);
    front.serve();
    return logModel(loaded, settings, log);
  };
  const stop = async (): Promise<void> => {
    log.info("Stopping");
    await front.close();
    await transcriber?.close();
    log.info("Stopped");
  };
  return {
    port: front.port,
    ready: load(),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

function transcriberOptions(settings: ServerSettings, log: Logger): TranscriberOptions {
  const { batchSize, computeType, decodeTimeout, device, draftModel, implementation } = settings;
  const { maxDuration, maxUploadBytes, model, threads } = settings;
  let announced: string | undefined;
  return {
    device,
    batchSize,
    computeType,
    ...(draftModel !== undefined && { draftModel }),
    ...(implementation !== undefined && { implementation }),
    ...(model !== undefined && { model }),
    ...(threads !== undefined && { threads }),
    limits: { maxBytes: maxUploadBytes, maxDuration, decodeTimeout },
    onDownload: (progress) => {
      if (announced !== progress.model) log.info(`Downloading model ${progress.model}`);
      announced = progress.model;
    },
  };
}

function logModel({ info }: Transcriber, settings: ServerSettings, log: Logger): ServedModel {
  const { device, implementation, maxWindow, model } = info;
  const chunk = Math.min(settings.chunkDuration, maxWindow);
  log.info(
    `Serving with ${implementation}: model ${model.name} (${model.type}, ${model.weightType}, computed in ${model.computeType}), ` +
      `device ${device.kind} (${device.name}, ${device.threads} threads), ` +
      `batch size ${settings.batchSize}, chunk length ${chunk} s, ${settings.maxWorkers} workers`,
  );
  if (device.note !== undefined) log.info(`On the CPU, ${device.note}`);
  return { version: VERSION, implementation, model: model.name, device: device.name };
}
