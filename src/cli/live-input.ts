import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { fourCC, isBigEndianRiff, isWav, RIFF_HEAD, uint32 } from "../audio/riff-chunks.js";
import { knownContainer } from "../audio/sniff.js";
import { parseWavFormat } from "../audio/wav-format.js";
import { trustedDataBytes } from "../audio/wav-header.js";
import type { LiveEncoding } from "../index.js";
import { UsageError } from "./exit.js";

/** What comes from a device or a pipe. */
export interface LiveInput {
  /** Of the samples, where a WAV header says so. */
  format: { encoding: LiveEncoding; sampleRate: number; channels: number } | undefined;
  /** The samples. */
  bytes: AsyncIterable<Uint8Array>;
  /** It ended before its first byte. */
  isEmpty: boolean;
}

const ENCODINGS: Readonly<Record<string, LiveEncoding>> = {
  pcm_s16le: "s16le",
  pcm_f32le: "f32le",
  pcm_u8: "u8",
  pcm_mulaw: "mulaw",
  pcm_alaw: "alaw",
};

/** Bytes in which the header of a stream ends. */
const LONGEST_HEADER = 64 * 1024;

/**
 * Reads the beginning of what is piped in: a WAV header says what the samples are, which otherwise begin at once.
 * @throws UsageError for files that have to be decoded first
 */
export async function openLiveInput(stream: Readable): Promise<LiveInput> {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let head = new Uint8Array(0);
  let isOver = false;
  const more = async (): Promise<void> => {
    const { done, value } = await chunks.next();
    if (done) isOver = true;
    else head = Buffer.concat([head, value]);
  };
  while (head.length < RIFF_HEAD && !isOver) await more();
  if (!isWav(head)) {
    const container = head.length >= RIFF_HEAD ? knownContainer(head) : undefined;
    if (container) {
      throw new UsageError(
        "Standard input is a recording, not samples. Decode it on the way: " +
          "ffmpeg -i … -f s16le -ar 16000 -ac 1 - | agora-transcribe live",
      );
    }
    return { format: undefined, bytes: all(head, chunks), isEmpty: isOver && head.length === 0 };
  }
  for (;;) {
    const found = readHeader(head);
    if (found) {
      const { format, start, length } = found;
      return { format, bytes: limited(all(head.subarray(start), chunks), length), isEmpty: false };
    }
    if (isOver || head.length > LONGEST_HEADER)
      throw new UsageError("Standard input begins like a WAV file, but has no samples");
    await more();
  }
}

/** The header in `head`, if it is there completely. */
function readHeader(
  head: Uint8Array,
): { format: NonNullable<LiveInput["format"]>; start: number; length: number } | undefined {
  if (isBigEndianRiff(head)) throw unsuitable("of big-endian numbers");
  let format: LiveInput["format"];
  for (let at = RIFF_HEAD; at + 8 <= head.length; ) {
    const id = fourCC(head, at);
    const size = uint32(head, at + 4);
    const start = at + 8;
    if (id === "data") {
      if (!format) throw unsuitable("without a format before its samples");
      const length = trustedDataBytes(size, uint32(head, 4), start) ?? Number.POSITIVE_INFINITY;
      return { format, start, length };
    }
    at = start + size + (size % 2);
    if (id !== "fmt " || at > head.length) continue;
    const { codec, sampleRate, channels } = parseWavFormat(
      head.subarray(start, start + size),
      "standard input",
    );
    const encoding = codec && ENCODINGS[codec];
    if (!encoding) throw unsuitable(`of ${codec ?? "a codec that has to be decoded"}`);
    format = { encoding, sampleRate, channels };
  }
  return undefined;
}

function unsuitable(what: string): UsageError {
  return new UsageError(
    `Standard input is a WAV file ${what}: live transcription reads 16-bit and float samples, u8, mu-law and A-law`,
  );
}

async function* all(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (;;) {
    const { done, value } = await rest.next();
    if (done) return;
    yield value;
  }
}

/** What stands behind the samples is no sound. */
async function* limited(bytes: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array> {
  let left = length;
  for await (const piece of bytes) {
    if (left <= 0) continue;
    yield left < piece.length ? piece.subarray(0, left) : piece;
    left -= piece.length;
  }
}

/** Starts a command that writes audio to its standard output, such as arecord. */
export function startDevice([command, ...args]: readonly string[]): {
  output: Readable;
  ended: Promise<void>;
} {
  const child: ChildProcess = spawn(command!, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", (error) => reject(new UsageError(`Cannot run ${command}: ${error.message}`)));
    child.once("close", (code, signal) => {
      // Whoever interrupts the transcription interrupts the device as well.
      if (code === 0 || signal !== null || code === null || child.killed) resolve();
      else reject(new UsageError(`${command} ended with exit code ${code}`));
    });
  });
  return { output: child.stdout!, ended };
}
