import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type { AudioInput, TranscribeOptions } from "../../index.js";
import type { Call } from "../../service/call/call.js";
import type { ByModel, Service } from "../../service/service.js";
import type { ServerSettings } from "../../service/settings.js";
import type { Upload } from "../../service/upload.js";
import type { Work, Workers } from "../../service/workers.js";
import type { Calls } from "./calls.js";
import { letGoOf } from "./messages/message-reader.js";
import { reasonOf } from "./statuses.js";

/** Bytes of a recording that came in one message up to which it stays in memory until it is transcribed. */
const KEPT_IN_MEMORY = 1024 ** 2;
const NOTHING = Buffer.alloc(0);
/** What requests call the time that they have. */
export const TIMEOUT = "config.options.timeout";

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

  /** As {@link Call.attempt}. */
  protected attempt<T>(
    call: Call,
    work: () => Promise<T>,
    deliver: (answer: T) => void,
    fail: (reason: unknown) => void,
  ): Promise<void> {
    return call.attempt(work, deliver, fail);
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

  /** As {@link Service.note}. */
  protected note(call: Call, filename: string, bytes: number, format = ""): void {
    this.service.note(call, filename, bytes, format);
  }

  /** As {@link Service.transcribe}. */
  protected transcribe(
    call: Call,
    input: AudioInput,
    options: TranscribeOptions & ByModel = {},
  ): Promise<Work> {
    return this.service.transcribe(call, input, options, TIMEOUT);
  }

  /** As {@link Service.logSuccess}. */
  protected logSuccess(call: Call, work: Work): void {
    this.service.logSuccess(call, work);
  }

  /** Has the log say why a call failed. @param message what its client is told */
  protected logFailure(call: Call, reason: unknown, message: string): void {
    this.service.logFailure(call, reason, message, reasonOf(reason));
  }
}
