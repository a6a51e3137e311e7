import {
  type AudioInput,
  type TranscribeOptions,
  type Transcriber,
  TranscriptionError,
  type TranscriptionResult,
} from "../index.js";
import { type ServerSettings, variableOf } from "./settings.js";
import { Slots } from "./slots.js";

/** Transcribes a bounded number of recordings at once; more of them wait in line. */
export class Workers {
  readonly #slots: Slots;
  readonly #options: TranscribeOptions;
  #transcriber: Transcriber | undefined;

  constructor({ chunkDuration, language, maxQueue, maxWorkers }: ServerSettings) {
    this.#slots = new Slots(maxWorkers, maxQueue, busy(maxQueue));
    this.#options = { chunkLength: chunkDuration, language };
  }

  /**
   * Hands over what to work with.
   * @throws TranscriptionError INVALID_ARGUMENT when the model does not have the language of the settings
   */
  use(transcriber: Transcriber): void {
    const { language = "auto" } = this.#options;
    const { languages, model } = transcriber.info;
    if (language !== "auto" && !languages.includes(language)) {
      const expected =
        languages.length > 10 ? `one of its ${languages.length} languages` : languages.join(", ");
      throw new TranscriptionError(
        "INVALID_ARGUMENT",
        `${variableOf("language")}: expected auto or ${expected} for model ${model.name} but received "${language}"`,
      );
    }
    this.#transcriber = transcriber;
  }

  /**
   * Text of a recording, when it is its turn.
   * @throws TranscriptionError, and the reason of `signal` when that fires while it waits
   */
  async transcribe(
    input: AudioInput,
    options: TranscribeOptions & { signal: AbortSignal },
  ): Promise<TranscriptionResult> {
    const release = await this.#slots.acquire(options.signal);
    try {
      if (!this.#transcriber) throw new TranscriptionError("INTERNAL", "The model is not loaded");
      return await this.#transcriber.transcribe(input, { ...this.#options, ...options });
    } finally {
      release();
    }
  }
}

/** What is said to those for whom there is no room. */
export function busy(maxQueue: number): string {
  return (
    `The server is busy: ${maxQueue} requests are waiting, the most that ${variableOf("maxQueue")} allows; ` +
    "try again later"
  );
}
