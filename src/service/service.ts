import { releaseMemory } from "../index.js";
import { type Budgets, createBudgets } from "./budgets.js";
import type { Holder } from "./call/holdings.js";
import { OpenCalls } from "./call/open-calls.js";
import type { Logger } from "./log.js";
import { ServerMetrics } from "./metrics/server-metrics.js";
import type { ServerSettings } from "./settings.js";
import { Storage } from "./storage.js";
import { Upload } from "./upload.js";
import { Workers } from "./workers.js";

/** Milliseconds without a call after which memory is given back: long after the last of many, soon for who looks. */
const REST = 5000;
/** Bytes of recordings since the last time from which on that is worth its while: it holds up everything else. */
const WORTH_IT = 1024 ** 2;

/** What every door shares: there is one of it in a server, and it knows of no door. */
export class Service {
  readonly metrics = new ServerMetrics();
  readonly workers: Workers;
  readonly budgets: Budgets;
  readonly storage: Storage;
  /** The calls of all doors. */
  readonly calls = new OpenCalls(() => this.#rest());
  #settings: ServerSettings;
  #restTimer: NodeJS.Timeout | undefined;
  #sinceRest = 0;

  /**
   * @param settings as they are at the start
   * @param log lines about calls
   * @param onStorage called with what keeps uploads from being stored, and with undefined when nothing does any more
   */
  constructor(
    settings: ServerSettings,
    readonly log: Logger,
    onStorage: (fault: string | undefined) => void,
  ) {
    this.#settings = settings;
    this.workers = new Workers(settings, this.metrics);
    this.budgets = createBudgets(settings);
    this.storage = new Storage(onStorage);
  }

  /** Those that are in force. */
  get settings(): ServerSettings {
    return this.#settings;
  }

  /** Others are in force from now on, of which those alone differ that can be taken over while the server runs. */
  takeOver(settings: ServerSettings): void {
    this.#settings = settings;
  }

  /** Does `work` with a new upload of `holder`, which is gone afterwards. */
  async withUpload<T>(holder: Holder, work: (upload: Upload) => Promise<T>): Promise<T> {
    const { budgets, storage } = this;
    const upload = new Upload(holder, { budgets, storage, maxBytes: this.settings.maxUploadBytes });
    try {
      return await work(upload);
    } finally {
      await upload.close();
    }
  }

  /** Counts a recording that a call has brought. */
  received(bytes: number): void {
    this.metrics.received(bytes);
    this.#sinceRest += bytes;
  }

  #rest(): void {
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => {
      // Without the addon there is no model either, and nothing to give back.
      if (this.calls.size > 0 || this.#sinceRest < WORTH_IT) return;
      this.#sinceRest = 0;
      releaseMemory().catch(() => {});
    }, REST).unref();
  }

  close(): void {
    clearTimeout(this.#restTimer);
    this.storage.close();
  }
}
