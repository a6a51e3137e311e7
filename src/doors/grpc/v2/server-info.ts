import { diarizationEngines, implementationNames, VERSION } from "../../../index.js";
import type { Service } from "../../../service/service.js";
import { publicSettings } from "../../../service/told-settings.js";
import { messageLimits } from "../messages/limits.js";
import { HTTP2_LIMITS } from "../transport/limits.js";
import type { ServerInfo } from "./messages.js";
import { toModel } from "./model-list.js";
import { toDevice } from "./results.js";

/** The ServerInfo of contract v2. */
export async function serverInfo(
  { budgets, models, settings, workers }: Service,
  openCalls: number,
): Promise<ServerInfo> {
  const { main } = models;
  const messages = messageLimits(settings);
  const { device, implementation } = main;
  const load = models.load();
  const others = (await models.list()).filter(({ isMain, state }) => !isMain && state?.state === "loaded");
  const cache = settings.cacheDir === undefined ? {} : { cacheDir: settings.cacheDir };
  return {
    version: VERSION,
    implementation,
    implementations: implementationNames(),
    models: [main, ...others.flatMap(({ info }) => info ?? [])].map(toModel),
    devices: [toDevice(device)],
    limits: {
      max_message_bytes: messages.unary.most,
      max_response_bytes: settings.maxSendMessageLength,
      max_upload_bytes: settings.maxUploadBytes,
      max_audio_duration: settings.maxDuration,
      max_workers: settings.maxWorkers,
      max_queue: settings.maxQueue,
      max_calls: settings.maxCalls,
      batch_size: models.batchSize,
      decode_timeout: settings.decodeTimeout,
      idle_timeout: orNone(settings.idleTimeout),
      upload_timeout: orNone(settings.uploadTimeout),
      request_timeout: orNone(settings.requestTimeout),
      max_streams: settings.maxStreams,
      max_connections: settings.maxConnections,
      max_header_bytes: HTTP2_LIMITS.maxHeaderListBytes,
      max_headers: HTTP2_LIMITS.maxHeaderPairs,
      max_cancelled: HTTP2_LIMITS.resetBurst,
      max_cancelled_per_second: HTTP2_LIMITS.resetsPerSecond,
      max_chunk_bytes: messages.stream.most,
      max_memory_bytes: settings.maxMemoryBytes,
      max_disk_bytes: orNone(settings.maxDiskBytes),
    },
    load: {
      open_calls: openCalls,
      running: workers.running,
      waiting: workers.waiting,
      running_windows: load?.running ?? 0,
      waiting_windows: load?.waiting ?? 0,
      memory_bytes: budgets.memory.used,
      disk_bytes: budgets.disk.used,
    },
    settings: publicSettings(settings),
    diarization: ["channels", ...(await diarizationEngines(cache))],
  };
}

/** 0 stands for no limit. */
function orNone(limit: number): number {
  return Number.isFinite(limit) ? limit : 0;
}
