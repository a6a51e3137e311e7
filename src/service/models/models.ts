import {
  type EngineLoad,
  releaseMemory,
  type Transcriber,
  type TranscriberInfo,
  TranscriptionError,
} from "../../index.js";
import type { Logger } from "../log.js";
import type { ServerMetrics } from "../metrics/server-metrics.js";
import { entriesOf } from "../setting-values.js";
import { type ServerSettings, variableOf } from "../settings.js";
import { type InstalledModel, installedModels, missingModels } from "./installed.js";
import { loadInstalled, loadMainAgain } from "./load.js";
import { ModelPool } from "./model-pool.js";
import { meansFirst, modelNamed, type Named, noModel } from "./names.js";
import type { Lease, Loadable, PoolState } from "./pool-entry.js";

/** A model that a request may name. */
export interface ServedModel extends Named {
  /** Whether it is what requests get that name none. */
  isMain: boolean;
  /** What it is, once it has been loaded. */
  info: TranscriberInfo | undefined;
  /** What of it is in memory; undefined: nothing. */
  state: PoolState | undefined;
  /** Where it is; undefined: it is the main one. */
  installed: InstalledModel | undefined;
}

/** What the main model is, beside what is loaded of it. */
export interface MainModel {
  /** Bytes that the process has grown by when it was loaded. */
  taken: number;
  /** Whether its owner is somebody else, who alone closes it. */
  isGiven: boolean;
}

/** The main model goes by its name alone. */
type Served = Named | InstalledModel;

const MIB = 1024 ** 2;

/**
 * The models of a server: the main one, of the settings, and those that are installed, which are loaded when a request names
 * them. All of them run on one device's threads, one step at a time.
 */
export class Models {
  readonly #settings: ServerSettings;
  readonly #log: Logger;
  readonly #pool: ModelPool<Transcriber>;
  /** What models are that have been loaded, by name. */
  readonly #infos = new Map<string, TranscriberInfo>();
  #main: TranscriberInfo | undefined;
  #batchSize: number;
  #isGiven = false;

  constructor(settings: ServerSettings, log: Logger, metrics: ServerMetrics) {
    this.#settings = settings;
    this.#batchSize = settings.batchSize;
    this.#log = log;
    this.#pool = new ModelPool<Transcriber>({
      budget: settings.modelsMaxMemory,
      budgetName: variableOf("modelsMaxMemory"),
      full:
        "The server is busy: the models that are in use leave no room for another one " +
        `(${variableOf("modelsMaxMemory")}); try again later`,
      measure: () => process.memoryUsage.rss(),
      tidy: releaseMemory,
      onLoaded: (name, seconds, memory, used) => {
        metrics.modelLoaded(name, seconds);
        const most = Number.isFinite(this.#pool.budget) ? ` of ${mib(this.#pool.budget)}` : "";
        log.info(
          `Loaded model ${name} in ${seconds.toFixed(2)} s: ${mib(memory)}, models ${mib(used)}${most}`,
          { model: name },
        );
      },
      onLoadFailed: (name, error, seconds) => {
        metrics.modelLoadFailed(name);
        const { code, message } = TranscriptionError.from(error);
        log.error(`Cannot load model ${name} (after ${seconds.toFixed(2)} s): ${message}`, {
          model: name,
          code,
        });
      },
      onUnloaded: (name, reason, memory) => {
        metrics.modelUnloaded(name, reason);
        log.info(`Unloaded model ${name} (${mib(memory)}): ${REASONS[reason]}`, { model: name });
      },
    });
  }

  /**
   * Hands over the main model, loaded.
   * @throws TranscriptionError INVALID_ARGUMENT when it does not have the language of the settings
   */
  use(main: Transcriber, { taken, isGiven }: MainModel): void {
    const { language } = this.#settings;
    const { languages, model } = main.info;
    if (language !== "auto" && !languages.includes(language)) {
      const expected =
        languages.length > 10 ? `one of its ${languages.length} languages` : languages.join(", ");
      throw new TranscriptionError(
        "INVALID_ARGUMENT",
        `${variableOf("language")}: expected auto or ${expected} for model ${model.name} but received "${language}"`,
      );
    }
    this.#isGiven = isGiven;
    this.#main = main.info;
    this.#batchSize = main.load()?.capacity ?? this.#batchSize;
    this.#pool.adopt(this.#loadableMain(), main, { taken, isOurs: !isGiven });
  }

  /** What the main model is, loaded or not. @throws TranscriptionError INTERNAL before it is there */
  get main(): TranscriberInfo {
    if (!this.#main) throw new TranscriptionError("INTERNAL", "The model is not loaded");
    return this.#main;
  }

  /** Windows that the main model decodes together. */
  get batchSize(): number {
    return this.#batchSize;
  }

  /** Bytes that loaded models take, and may take. */
  get memory(): { used: number; budget: number } {
    return { used: this.#pool.used, budget: this.#pool.budget };
  }

  /** What of them is in memory. */
  get states(): PoolState[] {
    return this.#pool.states();
  }

  /** How busy the engines of all of them are; undefined where none tells. */
  load(): EngineLoad | undefined {
    const loads = this.#pool.values().flatMap((transcriber) => transcriber.load() ?? []);
    if (loads.length === 0) return undefined;
    const sum = (key: keyof EngineLoad) => loads.reduce((total, load) => total + load[key], 0);
    return { running: sum("running"), waiting: sum("waiting"), capacity: sum("capacity") };
  }

  /** All that a request may name, the main one first. */
  async list(): Promise<ServedModel[]> {
    return (await this.#served()).map((model) => this.#describe(model));
  }

  /** The one that a client means by `name`; undefined: none. */
  async find(name: string): Promise<ServedModel | undefined> {
    const main = this.#mainModel([]);
    // Most requests name it: no folder is looked into for them.
    const found = meansFirst(name, main) ? main : modelNamed(name, await this.#served());
    return found && this.#describe(found);
  }

  /** The same; without a name, the main one. @throws TranscriptionError MODEL_NOT_FOUND that says what there is */
  async choose(name: string | undefined): Promise<ServedModel> {
    const found = name === undefined ? this.#describe(this.#mainModel([])) : await this.find(name);
    if (found) return found;
    throw noModel(name!, await this.#served());
  }

  /**
   * A share in `model`, which is loaded if it is not, and stays as long as somebody has one.
   * @throws the reason of `signal`; TranscriptionError QUEUE_FULL, OUT_OF_MEMORY, MODEL_NOT_FOUND, MODEL_INVALID,
   *   DEVICE_UNAVAILABLE
   */
  async lease(model: ServedModel, signal: AbortSignal): Promise<Lease<Transcriber>> {
    try {
      return await this.#pool.acquire(this.#loadable(model), signal);
    } catch (error) {
      throw signal.aborted ? error : inWords(error, model.name);
    }
  }

  /** A share in it if it is loaded. */
  leaseLoaded({ name }: ServedModel): Lease<Transcriber> | undefined {
    return this.#pool.acquireLoaded(name);
  }

  /** Unloads it now. @returns why that is not done; undefined: it is */
  async unload({ name, isMain }: ServedModel): Promise<"absent" | "busy" | undefined> {
    return isMain && this.#isGiven ? "busy" : this.#pool.unload(name);
  }

  /** Has the log say what the settings name and is not here. */
  async warnOfMissing(): Promise<void> {
    for (const entry of await missingModels(this.#settings))
      this.#log.warning(`${variableOf("modelsServed")}: there is no model ${entry} here`);
  }

  /** Closes all that it has loaded, once nobody uses it any more. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  async #served(): Promise<readonly Served[]> {
    const installed = this.#isGiven ? [] : await installedModels(this.#settings);
    const main = this.#mainModel(installed);
    return [main, ...installed.filter((model) => !this.#isMain(model))];
  }

  #mainModel(installed: readonly InstalledModel[]): Named {
    const { model } = this.main;
    const same = installed.find((other) => this.#isMain(other));
    const aliases = [...entriesOf(this.#settings.modelAliases), ...(same?.aliases ?? [])];
    if (same && same.name !== model.name) aliases.push(same.name);
    return { name: model.name, aliases, fileBytes: model.fileBytes };
  }

  #isMain({ name, path }: InstalledModel): boolean {
    const { model } = this.main;
    return name === model.name || path === model.path;
  }

  #describe(model: Served): ServedModel {
    const { name, aliases, fileBytes } = model;
    const installed = "source" in model ? model : undefined;
    return {
      name,
      aliases,
      fileBytes,
      isMain: !installed,
      info: installed ? this.#infos.get(name) : this.main,
      // What is leaving comes first, and may be loaded anew already.
      state: this.#pool.states().findLast((state) => state.name === name),
      installed,
    };
  }

  #loadable({ name, installed }: ServedModel): Loadable<Transcriber> {
    if (!installed) return this.#loadableMain();
    const settings = this.#settings;
    return {
      name,
      estimate: estimateOf(installed.fileBytes),
      ttl: settings.modelTtl,
      stays: false,
      load: async () => {
        const transcriber = await loadInstalled(installed, settings);
        this.#infos.set(name, transcriber.info);
        return transcriber;
      },
    };
  }

  #loadableMain(): Loadable<Transcriber> {
    const { name, fileBytes } = this.main.model;
    const ttl = this.#isGiven ? Number.POSITIVE_INFINITY : this.#settings.modelMainTtl;
    return {
      name,
      estimate: estimateOf(fileBytes),
      ttl,
      stays: !Number.isFinite(ttl),
      load: () => loadMainAgain(this.#settings),
    };
  }
}

const REASONS = {
  ttl: "it was not used for its time",
  memory: "others need its memory",
  request: "somebody asked for it",
} as const;

/** Weights of 4 and 5 bits are computed in 8, those of 32 in 16 or 8: about the file's size, and what the network needs beside. */
function estimateOf(fileBytes: number): number {
  return Math.ceil(fileBytes * 1.25) + 16 * MIB;
}

/** Files have paths, which are nobody's business: the log has the rest. */
function inWords(error: unknown, name: string): unknown {
  const { code, cause } = TranscriptionError.from(error);
  const refused = (message: string) =>
    new TranscriptionError(code, message, { cause: cause ?? error, option: "model" });
  if (code === "MODEL_INVALID")
    return refused(`Model ${name} cannot be loaded: its file is damaged, or is no speech model`);
  if (code === "MODEL_NOT_FOUND" && (error as TranscriptionError).option !== "model")
    return refused(`Model ${name} cannot be loaded: its file is there no more`);
  // The request has no part in how it is loaded.
  if (code === "INVALID_ARGUMENT") {
    const message = `Model ${name} cannot be loaded with the settings of this server`;
    return new TranscriptionError("MODEL_INVALID", message, { cause: error, option: "model" });
  }
  return error;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}
