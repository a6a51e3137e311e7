import type { FileHandle } from "node:fs/promises";
import { optionsOfRecording } from "../config/live-options.js";
import {
  type LiveOptions,
  type LiveRecordingTarget,
  type Transcriber,
  TranscriptionError,
} from "../index.js";
import type { Reservation } from "./call/byte-budget.js";
import { Call } from "./call/call.js";
import { Holdings } from "./call/holdings.js";
import type { ServedModel } from "./models/models.js";
import { isStore, type RecordingStore } from "./recordings/store.js";
import type { Service } from "./service.js";
import { variableOf } from "./settings.js";

/** What becomes of the audio of a stream besides its text. */
export interface Keeping {
  /** It is kept as a recording. */
  record?: boolean;
  /** That is transcribed once more when the stream has ended, with all of its context, as a job. Includes `record`. */
  again?: boolean;
}

/** What was kept of a stream. */
export interface Kept {
  recordingId: string;
  jobId: string | undefined;
}

/** Of the server's own wish and the client's. */
export function keepingOf(service: Service, asked: Keeping = {}): Required<Keeping> {
  const { liveAgain, liveRecord } = service.settings;
  const again = asked.again === true || liveAgain;
  return { again, record: again || asked.record === true || liveRecord };
}

const TYPE = "audio/wav";

/**
 * The audio of a live stream on its way to the recordings that are kept. It is kept whatever the stream ends by: of a call
 * whose client is gone that is what there was of it.
 */
export class LiveRecording implements LiveRecordingTarget {
  readonly #service: Service;
  readonly #call: Call;
  readonly #store: RecordingStore;
  readonly #order: { options: LiveOptions; model: ServedModel; transcriber: Transcriber } | undefined;
  readonly #holdings = new Holdings();
  readonly #disk: Reservation;
  #file: FileHandle | undefined;
  #bytes = 0;
  /** Bytes that came first: a header, behind which there may be no sound. */
  #headBytes = 0;
  #kept: Kept | undefined;

  /**
   * @param call that the stream is of
   * @param order what it is transcribed once more with; undefined: it is not
   * @throws TranscriptionError INVALID_ARGUMENT where the server keeps no recordings
   */
  constructor(
    service: Service,
    call: Call,
    order?: { options: LiveOptions; model: ServedModel; transcriber: Transcriber },
  ) {
    const { recordings } = service;
    if (!recordings || !isStore(recordings)) {
      throw new TranscriptionError(
        "INVALID_ARGUMENT",
        `Expected no record: this server keeps no recordings, ${variableOf("recordingsStore")} says where it may`,
        { option: "record" },
      );
    }
    this.#service = service;
    this.#call = call;
    this.#store = recordings;
    this.#order = order;
    const { signal } = new AbortController();
    // Not the call's own: that gives all back when its client is gone.
    this.#disk = service.budgets.disk.open({ signal, hold: (free) => this.#holdings.hold(free) });
  }

  /** Once the stream is done: what was kept of it. */
  get kept(): Kept | undefined {
    return this.#kept;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    const { storage } = this.#service;
    const end = position + bytes.length;
    if (end > this.#bytes) this.#disk.grow(end - this.#bytes);
    this.#file ??= await storage.create();
    const file = this.#file;
    await storage.attempt(async () => {
      for (let done = 0; done < bytes.length; )
        done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    });
    if (this.#bytes === 0) this.#headBytes = end;
    this.#bytes = Math.max(this.#bytes, end);
  }

  async close(): Promise<void> {
    try {
      // Of a stream without any audio there is nothing to keep.
      if (this.#file && this.#bytes > this.#headBytes) await this.#keep(this.#file);
    } catch (error) {
      const { message } = error as Error;
      this.#service.log.about(this.#call.id).error(`The recording of the stream is lost: ${message}`);
      throw error;
    } finally {
      await this.#file?.close();
      this.#holdings.release();
    }
  }

  async #keep(file: FileHandle): Promise<void> {
    const { id: callId, method, peer } = this.#call;
    const facts = { filename: `live-${callId}.wav`, type: TYPE };
    const recording = await this.#store.put(file, facts);
    this.#kept = { recordingId: recording.id, jobId: undefined };
    const log = this.#service.log.about(callId);
    log.info(`Kept its audio as ${recording.id}`, { recording: recording.id, bytes: this.#bytes });
    if (!this.#order) return;
    const { model, options, transcriber } = this.#order;
    // A call of its own: the stream's may be over.
    const submitting = this.#service.jobs.submit(new Call(callId, method, peer), {
      recording: { kept: recording },
      request: {
        options: optionsOfRecording(options, transcriber.info.timesWords),
        ...(!model.isMain && { model: model.name }),
      },
      answer: { format: "verbose_json" },
      metadata: { live_request_id: callId },
    });
    const jobId = await submitting.then(
      ({ job }) => job.id,
      ({ message }: Error) => {
        // The recording is there all the same.
        log.error(`There is no job to transcribe ${recording.id} once more: ${message}`);
        return undefined;
      },
    );
    this.#kept = { recordingId: recording.id, jobId };
  }
}
