import type { CancelFlag } from "../addon/addon.js";
import { cancellable } from "../addon/cancellation.js";
import { TranscriptionError } from "../errors.js";
import type {
  DeviceInfo,
  Engine,
  EngineLoad,
  EngineOptions,
  LanguageDetection,
  ModelInfo,
  WindowOptions,
  WindowResult,
  WindowTurn,
} from "../types/engine.js";

/** What every implementation of the addon reads at once, in seconds. */
export const MAX_WINDOW = 30;

/** Decides which windows run, which wait and which are refused. */
export interface Queue {
  /** Windows that run at once. */
  readonly concurrency: number;
  load(): EngineLoad;
  /** Does `task` now or later. @throws TranscriptionError QUEUE_FULL at once; CANCELLED while it waits */
  run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Resolves when nothing runs or waits. */
  idle(): Promise<void>;
}

/** An engine over a loaded model of the addon. */
export abstract class NativeEngine<Native extends { close(): Promise<void> }> implements Engine {
  abstract readonly implementation: string;
  readonly model: ModelInfo;
  readonly maxWindow: number;
  readonly concurrency: number;
  protected readonly native: Native;
  readonly #queue: Queue;
  #closing: Promise<void> | undefined;

  protected constructor(
    native: Native,
    facts: Omit<ModelInfo, "name" | "path">,
    readonly device: DeviceInfo,
    queue: Queue,
    { maxWindow, modelName, modelPath }: EngineOptions,
  ) {
    this.native = native;
    this.model = { name: modelName, path: modelPath, ...facts };
    this.maxWindow = Math.min(maxWindow ?? MAX_WINDOW, MAX_WINDOW);
    this.concurrency = queue.concurrency;
    this.#queue = queue;
  }

  abstract detectLanguage(
    samples: Float32Array,
    turn: WindowTurn,
    signal?: AbortSignal,
  ): Promise<LanguageDetection>;

  abstract transcribeWindow(
    samples: Float32Array,
    options: WindowOptions,
    signal?: AbortSignal,
  ): Promise<WindowResult>;

  load(): EngineLoad {
    return this.#queue.load();
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.idle().then(() => this.native.close());
    return this.#closing;
  }

  /**
   * Does `work` when it is its turn, which `queue` knows.
   * @throws TranscriptionError CANCELLED, QUEUE_FULL, and what the addon rejects with
   */
  protected async run<T>(
    signal: AbortSignal | undefined,
    work: (flag: CancelFlag) => Promise<T>,
    queue: Pick<Queue, "run"> = this.#queue,
  ): Promise<T> {
    if (this.#closing) throw new TranscriptionError("CANCELLED", "The model was closed");
    try {
      return await queue.run(() => cancellable(signal, work), signal);
    } catch (error) {
      throw TranscriptionError.from(error);
    }
  }
}
