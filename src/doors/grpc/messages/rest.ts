import protobuf from "protobufjs";
import type { FieldTypes } from "../definitions.js";
import { UnreadableMessage } from "./unreadable.js";

/** Bytes of a message besides the recording in it: more than all options of the contracts can fill. */
export const MOST_REST = 4 * 1024 ** 2;

const RECORDING = "TYPE_BYTES";

/**
 * Refuses a message with too much besides its recording before it is parsed: a list of empty texts takes twenty times its
 * bytes as objects, and nothing else is done while these are made. Fields of the message itself are walked over, not
 * those of its parts. What is malformed is for the parser to tell.
 * @param most bytes
 * @throws UnreadableMessage AUDIO_TOO_LARGE
 */
export function requireSmallRest(message: Buffer, fields: FieldTypes, most = MOST_REST): void {
  const reader = protobuf.Reader.create(message);
  let rest = 0;
  while (reader.pos < reader.len) {
    const start = reader.pos;
    let recording: number;
    try {
      recording = skipField(reader, fields);
    } catch {
      // Here the parser ends, too, and has made nothing of what comes.
      return;
    }
    rest += reader.pos - start - recording;
    if (rest > most) {
      throw new UnreadableMessage(
        "AUDIO_TOO_LARGE",
        `Expected at most ${most} bytes besides the recording in a message but received more`,
      );
    }
  }
}

/**
 * Moves `reader` over a field just as the parser does, with the parser's own reader: read in another way, what is taken
 * for a recording here could be something else there.
 * @returns bytes of the recording in it
 */
function skipField(reader: protobuf.Reader, fields: FieldTypes): number {
  const tag = reader.uint32();
  const type = fields.get(tag >>> 3);
  let recording = 0;
  switch (type) {
    // The parser looks at the wire type of those fields alone that it does not know.
    case undefined:
      reader.skipType(tag & 7);
      break;
    case RECORDING:
      recording = reader.uint32();
      reader.skip(recording);
      break;
    case "TYPE_MESSAGE":
      reader.skip(reader.uint32());
      break;
    // One that is cut off is read as far as it goes.
    case "TYPE_STRING":
      reader.pos = Math.min(reader.uint32() + reader.pos, reader.len);
      break;
    case "TYPE_INT32":
      reader.int32();
      break;
    // No contract has others in such messages; all that follows counts.
    default:
      reader.pos = reader.len;
  }
  return recording;
}
