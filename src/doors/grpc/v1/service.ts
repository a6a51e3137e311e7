import type {
  ServerReadableStream,
  ServerUnaryCall,
  sendUnaryData,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { type Call, ClientGone, Unavailable } from "../../../service/call/call.js";
import { cut } from "../../../service/text.js";
import type { Upload } from "../../../service/upload.js";
import type { Work } from "../../../service/workers.js";
import type { Calls } from "../calls.js";
import { ContractService } from "../contract-service.js";
import { incoming } from "../incoming.js";
import { UnreadableMessage } from "../messages/unreadable.js";
import { RESTART_SECONDS, reasonOf, statusOfFailure } from "../statuses.js";
import { errorMessage, type Mode } from "./failures.js";
import type { AudioChunk, AudioRequest, TranscriptionResponse } from "./messages.js";
import { failure, success } from "./responses.js";
import { extensionOf, requireAudio, requireFilename, requireKnownExtension } from "./validation.js";

type Respond = sendUnaryData<TranscriptionResponse>;
type Stream = ServerReadableStream<AudioChunk, TranscriptionResponse>;

/** Contract v1: what is asked is validated in its order, answered in its texts, and logged in its lines. */
export class V1Service extends ContractService {
  handlers(calls: Calls): UntypedServiceImplementation {
    return {
      TranscribeAudio: (rpc: ServerUnaryCall<AudioRequest, TranscriptionResponse>, respond: Respond) =>
        this.#answer(calls.of(rpc.metadata), "unary", respond, (call) => this.#unary(call, rpc.request)),
      TranscribeAudioStream: (rpc: Stream, respond: Respond) =>
        this.#answer(calls.of(rpc.metadata), "stream", respond, (call) => this.#stream(call, rpc)),
    };
  }

  /** Answers a call that failed, unless its client is gone. */
  fail(call: Call, mode: Mode, reason: unknown, respond: Respond): void {
    const message = errorMessage(mode, reason, call.id);
    this.logFailure(call, reason, message);
    if (reason instanceof ClientGone) return;
    if (reason instanceof Unavailable) {
      respond(statusOfFailure(reason, call.id, RESTART_SECONDS));
    } else if (reason instanceof UnreadableMessage) {
      call.outcome = reasonOf(reason);
      respond(statusOfFailure(reason, call.id, this.workers.retryAfter));
    } else {
      call.outcome = reasonOf(reason);
      respond(null, failure(message, call.seconds));
    }
  }

  async #unary(call: Call, request: AudioRequest): Promise<Work> {
    const { filename, format } = request;
    const { length } = request.audio_data;
    this.note(call, filename, length, format);
    requireFilename(filename);
    requireAudio(length);
    requireKnownExtension(extensionOf(filename));
    return this.withRecording(call, request, "audio_data", (input) => this.transcribe(call, input));
  }

  #stream(call: Call, rpc: Stream): Promise<Work> {
    return this.withUpload(call, async (upload) => {
      await this.#receive(call, rpc, upload);
      return await this.transcribe(call, await upload.file());
    });
  }

  /** Writes what arrives into `upload`; validates it as soon as the contract's order of checks allows. */
  async #receive(call: Call, rpc: Stream, upload: Upload): Promise<void> {
    let filename = "";
    let extension = "";
    let format: string | undefined;
    try {
      for await (const chunk of incoming<AudioChunk>(rpc, call)) {
        // Of the first chunk only, and of a long name no more than is told.
        if (format === undefined) {
          filename = cut(chunk.filename);
          extension = extensionOf(chunk.filename);
          format = cut(chunk.format);
        }
        requireFilename(filename);
        if (chunk.chunk_data.length === 0) continue;
        requireKnownExtension(extension);
        await upload.write(chunk.chunk_data);
      }
    } finally {
      // What still comes is discarded as it arrives.
      rpc.destroy();
      this.note(call, filename, upload.bytes, format);
    }
    requireFilename(filename);
    requireAudio(upload.bytes);
  }

  #answer(call: Call, mode: Mode, respond: Respond, work: (call: Call) => Promise<Work>): Promise<void> {
    return this.attempt(
      call,
      () => work(call),
      (done) => {
        this.logSuccess(call, done);
        respond(null, success(done.result, call.seconds));
      },
      (reason) => this.fail(call, mode, reason, respond),
    );
  }
}
