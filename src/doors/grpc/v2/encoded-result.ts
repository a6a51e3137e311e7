import type { ServiceDefinition } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { loadDefinitions, serviceIn, V2_SERVICE } from "../definitions.js";
import type { SentResult } from "./results.js";

/** Field `result` of a TranscriptionEvent, which is a message: its number and wire type. */
const RESULT_TAG = (4 << 3) | 2;

/** A result that is encoded already, which its size was known by: it is sent as it is. */
export class EncodedResult {
  private constructor(readonly bytes: Buffer) {}

  static of(result: SentResult): EncodedResult {
    const { responseSerialize } = serviceIn(loadDefinitions(), V2_SERVICE).Transcribe!;
    return new EncodedResult(responseSerialize(result));
  }

  /** The event with this result, encoded. */
  get event(): Buffer {
    return Buffer.concat([this.#head, this.bytes]);
  }

  /** Bytes of {@link event}. */
  get eventLength(): number {
    return this.#head.length + this.bytes.length;
  }

  /** What stands before the result in an event. */
  get #head(): Uint8Array {
    return protobuf.Writer.create().uint32(RESULT_TAG).uint32(this.bytes.length).finish();
  }
}

/** The service of contract v2, whose answers may be, or hold, an {@link EncodedResult}. */
export function takingEncoded(service: ServiceDefinition): ServiceDefinition {
  const methods = Object.entries(service).map(([name, method]) => {
    const { responseSerialize } = method;
    const serialize = (value: unknown): Buffer => {
      if (value instanceof EncodedResult) return value.bytes;
      const { result } = value as { result?: unknown };
      return result instanceof EncodedResult ? result.event : responseSerialize(value);
    };
    return [name, { ...method, responseSerialize: serialize }];
  });
  return Object.fromEntries(methods) as ServiceDefinition;
}
