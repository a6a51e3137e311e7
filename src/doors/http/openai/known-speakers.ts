import type { Call } from "../../../service/call/call.js";
import type { KnownSpeaker } from "../../../service/known-speakers.js";
import * as kind from "../../../service/options/kinds.js";
import { wrongField } from "../../../service/options/read-options.js";
import type { Service } from "../../../service/service.js";
import { cut } from "../../../service/text.js";
import type { Form } from "../forms/form.js";

const NAMES = "known_speaker_names";
const RECORDINGS = "known_speaker_references";
/** As many as OpenAI has. */
const MOST = 4;
const LONGEST_NAME = 200;

/** Fields of who may be heard. */
export const KNOWN_SPEAKER_FIELDS = {
  [NAMES]: {
    kind: kind.texts,
    is: `Who may be heard, at most ${MOST}: speakers with their voices go by these names.`,
  },
  [RECORDINGS]: {
    kind: kind.texts,
    is: "A recording of each of them, 2 to 10 s of nobody else, as a data: URL.",
  },
} as const;

/**
 * Who may be heard, with a recording of each; undefined: nobody is known.
 * @throws TranscriptionError INVALID_ARGUMENT that names the field; QUEUE_FULL (memory)
 */
export function readKnownSpeakers(form: Form, call: Call, service: Service): KnownSpeaker[] | undefined {
  const [names, recordings] = [form.texts(NAMES), form.texts(RECORDINGS)];
  if (names.length + recordings.length === 0) return undefined;
  if (names.length > MOST) throw wrongField(NAMES, `at most ${MOST} names`, `${names.length}`);
  if (recordings.length !== names.length)
    throw wrongField(RECORDINGS, `as many as ${NAMES}, ${names.length},`, `${recordings.length}`);
  const memory = service.budgets.memory.open(call);
  return names.map((name, index) => {
    const isRepeated = names.indexOf(name) !== index;
    if (name.trim() === "" || name.length > LONGEST_NAME || name.includes("\0") || isRepeated)
      throw wrongField(`${NAMES}[${index}]`, `a name of its own, at most ${LONGEST_NAME} characters,`, name);
    const recording = recordings[index]!;
    memory.grow(recording.length);
    return { name, recording: bytesOf(recording, index) };
  });
}

/** What a data: URL (RFC 2397) holds, which is base64. */
function bytesOf(url: string, index: number): Uint8Array {
  const comma = url.indexOf(",");
  const isBase64 = /^data:[^,]*;base64$/i.test(url.slice(0, Math.max(comma, 0)));
  const content = url.slice(comma + 1);
  if (isBase64 && content !== "" && !/[^\w+/\-=\s]/.test(content)) return Buffer.from(content, "base64");
  throw wrongField(`${RECORDINGS}[${index}]`, "a data: URL in base64, with a recording,", cut(url, 40));
}
