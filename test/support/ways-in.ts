import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import type { ServiceError } from "@grpc/grpc-js";
import { run } from "../../src/cli/program.js";
import * as publicApi from "../../src/index.js";
import type { WindowResult } from "../../src/types/engine.js";
import { pieces } from "./audio.js";
import { borrowed } from "./borrowed-transcriber.js";
import { Capture } from "./capture.js";
import { fakeSegment } from "./fake-engine.js";
import { temporaryFolder } from "./temporary-folder.js";
import { chunked, type TranscriptionClient } from "./transcription-client.js";
import { failureOf, uploadOf, type V2Client } from "./v2-client.js";

/** What came of a recording: what every way in tells. */
export interface Outcome {
  text?: string;
  /** Seconds, to the millisecond. */
  duration?: number;
  /** Where the way in has a place for them. */
  warnings?: readonly string[];
  /** Where the way in has a place for it. */
  code?: string;
  /** What is wrong, without the input's name. */
  reason?: string;
}

export type WayIn = (bytes: Uint8Array) => Promise<Outcome>;

/** An engine's answer that only the very same samples give. */
export function digest(samples: Float32Array): WindowResult {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  const text = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  return { segments: [fakeSegment(text, 0, samples.length / 16_000)] };
}

/** Ways that differ in how bytes arrive: a file, a pipe, and what the network brings. */
export const DIFFERENT_WAYS = [
  "path",
  "standard input of the command line",
  "v1 as a stream",
  "v2 as an upload",
];

/** Every way in which a recording can be handed to the product. */
export function waysIn(
  transcriber: publicApi.Transcriber,
  client: TranscriptionClient,
  v2: V2Client,
): Record<string, WayIn> {
  const input = (of: (bytes: Uint8Array) => publicApi.AudioInput): WayIn => {
    return async (bytes) => ofLibrary(transcriber.transcribe(of(bytes)));
  };
  const inFolder = async (bytes: Uint8Array): Promise<string> => {
    const path = join(await temporaryFolder(), "call.wav");
    await writeFile(path, bytes);
    return path;
  };
  return {
    path: async (bytes) => ofLibrary(transcriber.transcribe(await inFolder(bytes))),
    "file: URL": async (bytes) => ofLibrary(transcriber.transcribe(pathToFileURL(await inFolder(bytes)))),
    bytes: input((bytes) => bytes),
    ArrayBuffer: input((bytes) => Uint8Array.from(bytes).buffer),
    Blob: input((bytes) => new Blob([Uint8Array.from(bytes)])),
    Response: input((bytes) => new Response(Uint8Array.from(bytes))),
    "stream of small pieces": input((bytes) => Readable.from(pieces(bytes, 999))),
    "standard input of the command line": (bytes) => throughCli(transcriber, bytes),
    "v1 at once": async (bytes) =>
      ofV1(await client.unary({ audio_data: Buffer.from(bytes), filename: "call.wav" })),
    "v1 as a stream": async (bytes) => ofV1(await client.stream(chunked(bytes, "call.wav", 10_000))),
    "v2 at once": (bytes) => ofV2(v2.transcribe({ audio: bytes })),
    "v2 as an upload": (bytes) => ofV2(v2.upload(uploadOf(bytes, {}, 10_000))),
  };
}

const milliseconds = (seconds: number) => Math.round(seconds * 1000) / 1000;
/** A server calls limits by the names of its variables. */
const reasonOf = (message: string) =>
  message
    .replace(/^.*?Cannot decode (?:the given \w+|"[^"]*"): /, "")
    .replace(/SERVER_MAX_AUDIO_DURATION|--max-duration/, "limits.maxDuration");

async function ofLibrary(work: Promise<publicApi.TranscriptionResult>): Promise<Outcome> {
  try {
    const { text, duration, warnings } = await work;
    return { text, duration: milliseconds(duration), warnings };
  } catch (error) {
    const { code, message } = publicApi.TranscriptionError.from(error);
    return { code, reason: reasonOf(message) };
  }
}

async function throughCli(transcriber: publicApi.Transcriber, bytes: Uint8Array): Promise<Outcome> {
  const createTranscriber = async (): Promise<publicApi.Transcriber> => borrowed(transcriber, {});
  const context = {
    stdin: Readable.from(pieces(bytes, 4096)),
    stdout: new Capture(),
    stderr: new Capture(),
    signal: new AbortController().signal,
    api: { ...publicApi, createTranscriber },
  };
  const exitCode = await run(["-", "-f", "json"], context);
  if (exitCode !== 0) return { reason: reasonOf(context.stderr.text.trim()) };
  const { text, duration, warnings } = JSON.parse(context.stdout.text);
  return { text, duration: milliseconds(duration), warnings };
}

type V1Response = Awaited<ReturnType<TranscriptionClient["unary"]>>;

function ofV1({ success, transcript, audio_duration, error_message }: V1Response): Outcome {
  return success
    ? { text: transcript, duration: milliseconds(audio_duration) }
    : { reason: reasonOf(error_message) };
}

async function ofV2(work: ReturnType<V2Client["transcribe"]>): Promise<Outcome> {
  try {
    const { text, duration, warnings } = await work;
    return { text, duration: milliseconds(duration), warnings };
  } catch (error) {
    const { reason: code, message } = await failureOf(Promise.reject(error as ServiceError));
    return { code, reason: reasonOf(message) };
  }
}
