import { UnreadableMessage } from "./unreadable.js";

/** Bytes of a message besides the recording in it: more than all options of the contracts can fill. */
export const MOST_REST = 4 * 1024 ** 2;

const [VARINT, FIXED64, LENGTH, FIXED32] = [0, 1, 2, 5];

/**
 * Refuses a message with too much besides its recording before it is parsed: a list of empty texts takes twenty times its
 * bytes as objects, and nothing else is done while these are made. Fields of the message itself are walked over, not
 * those of its parts. What is malformed is for the parser to tell.
 * @param field number of the field that holds the recording's bytes
 * @throws UnreadableMessage AUDIO_TOO_LARGE
 */
export function requireSmallRest(message: Buffer, field: number): void {
  let rest = 0;
  let at = 0;
  /** Numbers above 2⁵³ are rounded, which is beyond the end all the same. */
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < message.length; scale *= 128) {
      const byte = message[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < message.length) {
    const start = at;
    const tag = varint();
    const wireType = tag % 8;
    if (wireType === VARINT) varint();
    else if (wireType === FIXED64) at += 8;
    else if (wireType === FIXED32) at += 4;
    else if (wireType === LENGTH) {
      const length = varint();
      at += length;
      if ((tag - wireType) / 8 === field) rest -= length;
    } else at = message.length;
    rest += at - start;
    if (rest > MOST_REST) {
      throw new UnreadableMessage(
        "AUDIO_TOO_LARGE",
        `Expected at most ${MOST_REST} bytes besides the recording in a message but received more`,
      );
    }
  }
}
