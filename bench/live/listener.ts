import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { silence } from "../../test/support/scripted-speech.js";
import { type Latencies, Stopwatch } from "./latencies.js";
import { RATE, type Speech } from "./speech.js";

const PIECE_MS = 100;
/** Seconds of silence behind what is said, in which late finals may come: a microphone goes on. */
const TAIL = 4;
/** Milliseconds for a server to close once it has been told that this was all. */
const CLOSING = 15_000;

interface Message {
  message?: unknown;
  status?: string;
  segments?: { start: string; end: string; text: string; completed: boolean }[];
}

/**
 * A client of WhisperLive's protocol that sends `speech` as it would be spoken, and times what it is shown by the clock of
 * the wall, the work of the server included.
 */
export async function listen(port: number, speech: Speech, uid: string): Promise<Latencies> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(socket, "open");
  let startedAt = Number.POSITIVE_INFINITY;
  const now = (): number => (performance.now() - startedAt) / 1000;
  const watch = new Stopwatch(speech.spoken);
  let failure: Error | undefined;
  const ready = new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("The server closed the connection before it was ready")));
    socket.on("message", (data) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.message === "SERVER_READY") resolve();
      if (message.status === "ERROR" || message.status === "WAIT") {
        failure = new Error(`The server refused a stream: ${message.message}`);
        reject(failure);
      }
      for (const { start, end, text, completed } of message.segments ?? [])
        watch.note({ text, start: Number(start), end: Number(end), isFinal: completed }, now());
    });
  });
  const options = { language: "en", task: "transcribe", model: "base", use_vad: true };
  socket.send(JSON.stringify({ uid, ...options, send_last_n_segments: 10 }));
  await ready;
  const all = [speech.samples, silence(TAIL)];
  startedAt = performance.now();
  const size = (PIECE_MS / 1000) * RATE;
  let piece = 0;
  for (const samples of all) {
    for (let at = 0; at < samples.length; at += size) {
      // A piece is there when all of it has been spoken.
      await sleep(Math.max(0, startedAt + ++piece * PIECE_MS - performance.now()));
      if (failure) throw failure;
      const part = Float32Array.from(samples.subarray(at, at + size));
      socket.send(new Uint8Array(part.buffer));
    }
  }
  const latencies = watch.latencies(now());
  const closed = once(socket, "close");
  socket.send(Buffer.from("END_OF_AUDIO"));
  await Promise.race([closed, sleep(CLOSING, undefined, { ref: false })]);
  socket.terminate();
  return latencies;
}
