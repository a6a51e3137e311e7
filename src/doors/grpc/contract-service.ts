import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type { AudioInput, TranscribeOptions } from "../../index.js";
import { type Call, ClientGone, Unavailable } from "../../service/call/call.js";
import type { Service } from "../../service/service.js";
import { type ServerSettings, variableOf } from "../../service/settings.js";
import type { Upload } from "../../service/upload.js";
import type { Work, Workers } from "../../service/workers.js";
import type { Calls } from "./calls.js";
import { letGoOf } from "./messages/message-reader.js";
import { RequestLog } from "./request-log.js";
import { isDefect, reasonOf } from "./statuses.js";

/** Bytes of a recording that came in one message up to which it stays in memory until it is transcribed. */
const KEPT_IN_MEMORY = 1024 ** 2;
const NOTHING = Buffer.alloc(0);

/** What the service of a contract does with a call, whatever its messages look like. */
export abstract class ContractService {
  constructor(protected readonly service: Service) {}

  protected get settings(): ServerSettings {
    return this.service.settings;
  }

  protected get workers(): Workers {
    return this.service.workers;
  }

  /** The methods, by their names in the contract. */
  abstract handlers(calls: Calls): UntypedServiceImplementation;

  /** Does `work` and delivers what comes of it, or tells `fail` why nothing does: the call may have failed while the work ended. */
  protected async attempt<T>(
    call: Call,
    work: () => Promise<T>,
    deliver: (answer: T) => void,
    fail: (reason: unknown) => void,
  ): Promise<void> {
    try {
      const answer = await call.work(work);
      call.signal.throwIfAborted();
      deliver(answer);
    } catch (error) {
      // What a cancelled request rejects with tells less than why it was cancelled.
      fail(call.signal.aborted ? call.signal.reason : error);
    }
  }

  /** Does `work` with a new upload, which is gone afterwards. */
  protected withUpload<T>(call: Call, work: (upload: Upload) => Promise<T>): Promise<T> {
    return this.service.withUpload(call, work);
  }

  /**
   * Does `work` with a recording that came in one message: a large one lies on disk meanwhile, and waits there, so that
   * the memory of messages is there for messages.
   * @param message that it came in @param field where it stands there
   */
  protected async withRecording<Field extends string, T>(
    call: Call,
    message: Record<Field, Buffer>,
    field: Field,
    work: (input: AudioInput) => Promise<T>,
  ): Promise<T> {
    const { byteLength } = message[field];
    if (byteLength <= KEPT_IN_MEMORY) return work(message[field]);
    return this.withUpload(call, async (upload) => {
      await upload.write(message[field]);
      // grpc-js keeps the message as long as the call.
      message[field] = NOTHING;
      letGoOf(message, byteLength);
      return work(await upload.file());
    });
  }

  /** Counts and logs what was asked. @param format as the client calls it */
  protected note(call: Call, filename: string, bytes: number, format = ""): void {
    this.service.received(bytes);
    call.bytes = bytes;
    this.#logOf(call).request(filename, bytes, format);
  }

  /** Text of a recording that has arrived, within the server's time for it or, where that is shorter, the request's. */
  protected async transcribe(
    call: Call,
    input: AudioInput,
    { timeout = Number.POSITIVE_INFINITY, onProgress, ...options }: TranscribeOptions = {},
  ): Promise<Work> {
    const { batchSize, requestTimeout } = this.settings;
    const [seconds, limit] =
      timeout < requestTimeout
        ? [timeout, "config.options.timeout"]
        : [requestTimeout, variableOf("requestTimeout")];
    call.expireAfter(seconds, `The request took longer than ${limit} (${seconds} s)`);
    const logProgress = this.#logOf(call).progress(batchSize);
    const working = this.workers.transcribe(input, {
      ...options,
      signal: call.signal,
      onProgress: (progress) => {
        logProgress(progress);
        onProgress?.(progress);
      },
      onTurn: () => call.markStarted(),
    });
    return working.catch((error: unknown) => {
      // Decoders store copies beside the uploads.
      if (reasonOf(error) === "STORAGE_FAILED") this.service.storage.suspect();
      throw error;
    });
  }

  /** Has the log say what came of a call whose answer is delivered now: until then it may still fail. */
  protected logSuccess(call: Call, { result }: Work): void {
    this.#logOf(call).success(result, this.workers.transcriber.info.model.name);
  }

  /** Has the log say why a call failed. @param message what its client is told */
  protected logFailure(call: Call, reason: unknown, message: string): void {
    const log = this.#logOf(call);
    if (reason instanceof ClientGone) log.cancelled();
    else if (reason instanceof Unavailable) log.unfinished(reason);
    else if (isDefect(reason)) log.defect(reason as Error);
    else log.failed(message, reasonOf(reason));
  }

  #logOf(call: Call): RequestLog {
    return new RequestLog(this.service.log, call);
  }
}
