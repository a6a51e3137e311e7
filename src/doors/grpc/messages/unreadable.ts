import { TranscriptionError } from "../../../index.js";
import { cut } from "../../../service/text.js";

/** A message that cannot be read, for what it is or for what there is room for: a status in every contract. */
export class UnreadableMessage extends TranscriptionError {}

/** It is not what it should be: damaged, cut, or no message. */
export class MalformedMessage extends UnreadableMessage {
  constructor(message: string) {
    super("INVALID_ARGUMENT", message);
  }
}

/** It is compressed in a way that is not known here. */
export class UnsupportedEncoding extends UnreadableMessage {
  constructor(encoding: string) {
    super(
      "INVALID_ARGUMENT",
      `Expected messages in gzip, deflate or identity but received ${JSON.stringify(cut(encoding))}`,
    );
  }
}

/** Memory that is counted already. @throws UnreadableMessage OUT_OF_MEMORY when the system has none all the same */
export function allocate(bytes: number): Buffer {
  try {
    return Buffer.allocUnsafeSlow(bytes);
  } catch (error) {
    throw new UnreadableMessage("OUT_OF_MEMORY", `No memory for a message: ${(error as Error).message}`);
  }
}

/** @param bytes that were announced, where they were @param setting that says how many there may be */
export function messageTooLarge(bytes: number | undefined, most: number, setting: string): UnreadableMessage {
  const size = bytes === undefined ? "more" : `${bytes} bytes`;
  return new UnreadableMessage(
    "AUDIO_TOO_LARGE",
    `Expected messages of at most ${most} bytes (${setting}) but received one of ${size}`,
  );
}

/** Of the messages of a call together. @param setting that says how many bytes there may be */
export function requestTooLarge(most: number, setting: string): UnreadableMessage {
  return new UnreadableMessage(
    "AUDIO_TOO_LARGE",
    `Expected at most ${most} bytes in all (${setting}) but received more`,
  );
}
