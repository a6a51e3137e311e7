import { GrpcFront } from "../doors/grpc/front.js";
import type { HttpDoor } from "../doors/http/door.js";
import type { Pages } from "../doors/http/pages/pages.js";
import { MetricsPage } from "../doors/metrics/page.js";
import type { OpenDoor } from "../doors/socket/doors.js";
import { type Transcriber, TranscriptionError, VERSION } from "../index.js";
import { exposureWarnings } from "../service/exposure.js";
import { createLog, type LogDestination, type Logger } from "../service/log.js";
import { loadMain } from "../service/models/load.js";
import { refuseModelSettings, withDefaults } from "../service/partial-settings.js";
import { openRecordings } from "../service/recordings/open-source.js";
import type { RecordingSource } from "../service/recordings/store.js";
import { reloadable, watchedFiles } from "../service/reloaded-settings.js";
import { Service } from "../service/service.js";
import { LIVE_PORTS, type ServerSettings, variableOf } from "../service/settings.js";
import { watchFiles } from "../service/watch-files.js";

/** A server that listens. Made by {@link startServer}. */
export interface RunningServer {
  /** Port of gRPC; 0 without (`grpc: false`). */
  readonly port: number;
  /** Port of HTTP; undefined without (`http: false`). */
  readonly httpPort: number | undefined;
  /** Ports of live doors that have one of their own, by their settings; undefined for those without. */
  readonly livePorts: LivePorts;
  /** Port of metrics and probes by themselves; undefined without `metricsPort`. */
  readonly metricsPort: number | undefined;
  /**
   * Resolves with what is served when the model is loaded; health is SERVING from then on. A failure is in the log, too,
   * and need not be awaited.
   * @throws TranscriptionError as `createTranscriber`; CANCELLED when the server is stopped before
   */
  readonly ready: Promise<ServedModel>;
  /**
   * Takes over certificates, tokens and the log's level from `settings`, from their files too, or their defaults where it
   * leaves them out; without any the files are read again. Calls that are open go on. What needs another start is told in the log.
   * @throws TranscriptionError INVALID_ARGUMENT when a file cannot be used, or settings do not go together; everything
   *   stays as it was then
   */
  reload(settings?: Partial<ServerSettings>): Promise<void>;
  /**
   * Stops accepting calls, waits for the open ones as long as the settings allow, ends the others with UNAVAILABLE,
   * and closes, with the model that it has loaded; gives up loading one. Safe to call at any time, more than once.
   */
  stop(): Promise<void>;
}

/** Which implementation of which version answers, and with what. */
export interface ServedModel {
  /** Version of this package. */
  version: string;
  /** What runs the model: `"whisper"`, `"whisper-cpp"`, `"borealis"` or one of your own. */
  implementation: string;
  /** Name of the model. */
  model: string;
  /** Name of what it runs on. */
  device: string;
}

/** Port of a live door by the name of its setting. */
export type LivePorts = { readonly [Key in (typeof LIVE_PORTS)[number]]?: number };

type Phase = "loading" | "failed" | "serving" | "stopping";

/** What a server may be given by the program that it is part of. */
export interface StartServerOptions {
  /**
   * Serves with this transcriber, which stays its owner's to close, after the server has stopped. Settings that say what
   * to load (`model`, `implementation`, `device`, …) cannot be given with it.
   */
  transcriber?: Transcriber;
  /** Gets the log: whole lines, or messages as `console` and logging libraries take them. Default: standard error. */
  log?: LogDestination;
}

/**
 * Listens at once, loads the model meanwhile, and serves as soon as it is loaded.
 * @param settings those that differ from their defaults. The environment is not looked at: `readSettings(process.env)`
 *   makes settings of it
 * @throws TranscriptionError INVALID_ARGUMENT when a setting is wrong, or an address or a TLS file cannot be used
 */
export async function startServer(
  settings: Partial<ServerSettings> = {},
  options: StartServerOptions = {},
): Promise<RunningServer> {
  return openServer(withDefaults(settings), options);
}

/** As {@link StartServerOptions}, with what no other program asks for. */
export interface OpenServerOptions extends StartServerOptions {
  /** Opens no door but that of metrics, and does what servers have put into the queue. */
  isWorker?: boolean;
}

/**
 * As {@link startServer}, with settings that are checked and complete.
 * @throws also INVALID_ARGUMENT for a worker without a queue
 */
export async function openServer(
  settings: ServerSettings,
  options: OpenServerOptions = {},
): Promise<RunningServer> {
  if (options.isWorker && settings.queueUrl === undefined) {
    const variable = variableOf("queueUrl");
    const message = `A worker needs a queue: set ${variable}, as servers have it, and ${variableOf("queueStore")}`;
    throw new TranscriptionError("INVALID_ARGUMENT", message, { option: variable });
  }
  const server = new TranscriptionServer(settings, options, await openRecordings(settings));
  await server.open();
  return server;
}

class TranscriptionServer implements RunningServer {
  #unwatch: (() => void) | undefined;
  readonly #log: Logger;
  readonly #service: Service;
  /** Undefined until it listens: its metrics may be asked for before. */
  #grpc: GrpcFront | undefined;
  #http: HttpDoor | undefined;
  #live: readonly OpenDoor[] = [];
  #metrics: MetricsPage | undefined;
  #phase: Phase = "loading";
  #served: ServedModel | undefined;
  #stopped: Promise<void> | undefined;
  /** What is loaded and not served yet: what is, is its models' to close. */
  #transcriber: Transcriber | undefined;
  /** What it was given, and is not to close. */
  readonly #given: Transcriber | undefined;
  /** Fires when what is being loaded is not wanted any more. */
  readonly #unwanted = new AbortController();
  /** Settles when the last of the reloads that were asked for is done. */
  #reloaded: Promise<void> = Promise.resolve();
  ready!: Promise<ServedModel>;

  constructor(
    settings: ServerSettings,
    { isWorker = false, transcriber, log = toStandardError }: OpenServerOptions,
    recordings: RecordingSource | undefined,
  ) {
    const loggers = createLog(() => this.#settings.loggingLevel, log, settings.logFormat);
    this.#given = transcriber;
    this.#log = loggers("Server");
    const onStorage = (fault: string | undefined) => this.#onStorage(fault);
    this.#service = new Service(
      this.#fitted(settings),
      loggers("TranscriptionService"),
      onStorage,
      recordings,
      isWorker,
    );
  }

  get #settings(): ServerSettings {
    return this.#service.settings;
  }

  get port(): number {
    return this.#grpc?.port ?? 0;
  }

  get httpPort(): number | undefined {
    return this.#http?.port;
  }

  get livePorts(): LivePorts {
    return Object.fromEntries(this.#live.map(({ door, key }) => [key, door.port]));
  }

  get metricsPort(): number | undefined {
    return this.#metrics?.port;
  }

  get #doors(): Array<GrpcFront | HttpDoor | OpenDoor["door"]> {
    const doors = [this.#grpc, this.#http, ...this.#live.map(({ door }) => door)];
    return doors.filter((door) => door !== undefined);
  }

  async open(): Promise<void> {
    this.#observe();
    if (!this.#service.isWorker) this.#warnOfExposure();
    try {
      // What was promised before is looked for at once; without a folder there is nothing until somebody asks.
      const { jobsFolder, queueUrl } = this.#settings;
      if (jobsFolder !== undefined || queueUrl !== undefined) await this.#service.jobs.open();
      if (this.#service.jobRole === "server")
        this.#log.info(
          "Jobs go into a queue: `agora-transcribe worker` does them, here or on other machines",
        );
      await this.#openDoors();
    } catch (error) {
      await Promise.all(this.#doors.map((door) => door.close()));
      await this.#closeMetrics();
      throw error;
    }
    this.ready = Promise.race([this.#load(), aborted(this.#unwanted.signal)]);
    this.ready.catch((error: Error) => this.#onLoadFailure(error));
    this.#unwatch = watchFiles(
      () => watchedFiles(this.#settings),
      () => this.#reloadChanged(),
    );
  }

  async #openDoors(): Promise<void> {
    const { grpc, host, http, httpHost, metricsHost, metricsPort } = this.#settings;
    const pages = { metrics: () => this.#service.metrics.text(), notReady: () => this.#notReady };
    if (metricsPort !== undefined) {
      this.#metrics = await MetricsPage.open(metricsHost, metricsPort, {
        ...pages,
        onError: (error) => this.#log.error(`Cannot show a page: ${error.stack ?? error.message}`),
      });
      this.#log.info(`Metrics and probes on ${metricsHost}, HTTP port ${this.#metrics.port}`);
    }
    if (this.#service.isWorker) {
      this.#log.info(`agora-transcribe ${VERSION} works on the queue, and loads the model`);
      return;
    }
    if (grpc) this.#grpc = await GrpcFront.open(this.#service);
    if (http) this.#http = await this.#openHttp(pages);
    if (LIVE_PORTS.some((key) => this.#settings[key] !== undefined)) {
      const live = await import("../doors/socket/doors.js");
      this.#live = await live.openPortDoors(this.#service);
      for (const { door, name } of this.#live)
        this.#log.info(
          `Live transcription for clients of ${name} on ${this.#settings.liveHost}, port ${door.port}`,
        );
    }
    const where = [
      ...(grpc ? [`${host}, port ${this.port}`] : []),
      ...(this.#http ? [this.#http.urlAt(httpHost)] : []),
    ];
    this.#log.info(`agora-transcribe ${VERSION} listens on ${where.join(", and ")}, and loads the model`);
  }

  /** @returns undefined where the port that nobody has named is taken: who calls over gRPC is served all the same */
  async #openHttp(pages: Pages): Promise<HttpDoor | undefined> {
    // Takes as long to load as all the rest.
    const door = await import("../doors/http/door.js");
    const { LiveRoutes } = await import("../doors/socket/http-routes.js");
    try {
      return await door.HttpDoor.open(this.#service, pages, new LiveRoutes(this.#service));
    } catch (error) {
      const { grpc, httpPort } = this.#settings;
      const { cause, message } = error as Error;
      const isTaken = (cause as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE";
      if (!isTaken || !grpc || httpPort !== undefined) throw error;
      this.#log.warning(`${message}. There is no HTTP: set HTTP_PORT to another port, or SERVER_HTTP=false`);
      return undefined;
    }
  }

  reload(given?: Partial<ServerSettings>): Promise<void> {
    const reloaded = this.#reloaded.then(() => this.#reload(given));
    // One after the other: the last one that was asked for counts.
    this.#reloaded = reloaded.catch(() => {});
    return reloaded;
  }

  async #reload(given: Partial<ServerSettings> | undefined): Promise<void> {
    const next = given ? this.#fitted(withDefaults(given)) : this.#settings;
    const { settings, restart } = reloadable(this.#settings, next);
    const renewals = await Promise.all(this.#doors.map((door) => door.renewal(settings)));
    for (const renew of renewals) renew();
    this.#service.takeOver(settings);
    this.#log.info("Read certificates, tokens and the log's level again");
    for (const variable of restart) this.#log.warning(`${variable} has changed, which needs another start`);
    if (!this.#service.isWorker) this.#warnOfExposure();
  }

  #warnOfExposure(): void {
    for (const warning of exposureWarnings(this.#settings)) this.#log.warning(warning);
  }

  /**
   * `settings` as they are with the transcriber that was given, if one was.
   * @throws TranscriptionError INVALID_ARGUMENT where they say what to load beside it
   */
  #fitted(settings: ServerSettings): ServerSettings {
    if (!this.#given) return settings;
    refuseModelSettings(settings);
    return { ...settings, batchSize: this.#given.load()?.capacity ?? settings.batchSize };
  }

  /** A certificate and its key change one after the other: what does not fit together now may soon. */
  async #reloadChanged(): Promise<void> {
    try {
      await this.reload();
    } catch (error) {
      this.#log.warning(`A file has changed and is not used: ${(error as Error).message}`);
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #load(): Promise<ServedModel> {
    const { signal } = this.#unwanted;
    const looking = this.#service.storage.watch();
    const before = process.memoryUsage.rss();
    const loaded = this.#given ?? (await loadMain(this.#settings, this.#log, signal));
    const taken = process.memoryUsage.rss() - before;
    // From here on it is closed when the server stops, whatever is still looked at.
    if (signal.aborted) await this.#release(loaded);
    else this.#transcriber = loaded;
    await looking;
    if (!signal.aborted) this.#serve(loaded, taken);
    return servedModel(loaded);
  }

  /** Also where nobody waits for {@link ready}: the server stays, and serves nothing. */
  #onLoadFailure(error: Error): void {
    if (this.#phase !== "loading") return;
    this.#phase = "failed";
    this.#log.error(`Cannot serve: ${error.message}`);
  }

  /** @throws TranscriptionError INVALID_ARGUMENT when the model does not have the language of the settings */
  #serve(loaded: Transcriber, taken: number): void {
    const { jobs, models } = this.#service;
    models.use(loaded, { taken, isGiven: this.#given !== undefined });
    this.#transcriber = undefined;
    jobs.start();
    for (const door of this.#doors) door.serve();
    this.#phase = "serving";
    this.#tellHealth();
    this.#served = servedModel(loaded);
    logModel(loaded, this.#settings, this.#log);
    models.warnOfMissing().catch((error: Error) => this.#log.warning(error.message));
  }

  /** Why calls should go elsewhere now; undefined: they need not. */
  get #notReady(): string | undefined {
    if (this.#phase !== "serving") return this.#phase;
    return this.#service.storage.fault === undefined ? undefined : "storage";
  }

  /** Calls are answered all the same: some need no storage. */
  #onStorage(fault: string | undefined): void {
    if (fault === undefined) this.#log.info("Uploads can be stored again");
    else this.#log.error(`Not ready: ${fault}`, { code: "STORAGE_FAILED" });
    this.#tellHealth();
  }

  #tellHealth(): void {
    if (this.#phase === "serving") this.#grpc?.tellHealth(this.#notReady === undefined);
  }

  async #stop(): Promise<void> {
    this.#phase = "stopping";
    this.#unwatch?.();
    this.#log.info("Stopping");
    this.#unwanted.abort(
      new TranscriptionError("CANCELLED", "The server was stopped before the model was loaded"),
    );
    // Whatever cannot be closed keeps nothing else open.
    try {
      await Promise.all(this.#doors.map((door) => door.close()));
      // A door lets nobody in any more before that; jobs come through none.
      await this.#service.drain();
    } finally {
      const closing = [this.#release(this.#transcriber), this.#service.models.close()];
      await Promise.all(closing).finally(() => this.#closeMetrics());
    }
    this.#log.info("Stopped");
  }

  async #release(transcriber: Transcriber | undefined): Promise<void> {
    if (transcriber !== this.#given) await transcriber?.close();
  }

  async #closeMetrics(): Promise<void> {
    await this.#service.close();
    await this.#metrics?.close();
  }

  #observe(): void {
    const { budgets, calls, liveStreams, metrics, models, workers } = this.#service;
    metrics.observe({
      openCalls: () => calls.size,
      unread: () => this.#grpc?.unread ?? 0,
      running: () => workers.running,
      waiting: () => workers.waiting,
      budgets,
      jobs: () => this.#service.jobs.tally(),
      liveStreams: () => liveStreams.size,
      liveLag: () => liveStreams.lag,
      load: () => models.load(),
      models: () => models.states,
      modelBudget: () => models.memory.budget,
      isServing: () => this.#notReady === undefined,
      identity: () => this.#served,
    });
  }
}

function toStandardError(line: string): void {
  process.stderr.write(line);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function servedModel({ info }: Transcriber): ServedModel {
  const { device, implementation, model } = info;
  return { version: VERSION, implementation, model: model.name, device: device.name };
}

function logModel({ info }: Transcriber, settings: ServerSettings, log: Logger): void {
  const { device, implementation, maxWindow, model } = info;
  const chunk = Math.min(settings.chunkDuration, maxWindow);
  log.info(
    `Serving with ${implementation}: model ${model.name} (${model.type}, ${model.weightType}, computed in ${model.computeType}), ` +
      `device ${device.kind} (${device.name}, ${device.threads} threads), ` +
      `batch size ${settings.batchSize}, chunk length ${chunk} s, ${settings.maxWorkers} workers`,
  );
  if (device.note !== undefined) log.info(`On the CPU, ${device.note}`);
  if (device.threadsNote !== undefined) log.warning(device.threadsNote);
}
