import { queryObjects } from "node:v8";
import { expect, it } from "vitest";
import { type Door, openCaller, waysOf } from "../../bench/support/doors.js";
import { asFlac } from "../../bench/support/short-files.js";
import { FfmpegRun } from "../../src/audio/ffmpeg-run.js";
import { MessageReader } from "../../src/doors/grpc/messages/message-reader.js";
import { Form } from "../../src/doors/http/forms/form.js";
import { Call } from "../../src/service/call/call.js";
import { Upload } from "../../src/service/upload.js";
import { RECORDING, startFakeServer } from "../support/server.js";

/** What calls are made of: whatever else they leave hangs on one of these. Each takes V8 a while to count. */
const OF_CALLS = { Call, Upload, Form, MessageReader, FfmpegRun };
const flac = asFlac(Buffer.from(RECORDING));
/** Calls of each kind in each way. */
const TIMES = 2;

/** What is left of calls, by what it is, once V8 has collected all that nobody can reach. */
function left(): Record<string, number> {
  const counts = Object.entries(OF_CALLS).map(([name, kind]): [string, number] => [
    name,
    queryObjects(kind, { format: "count" }),
  ]);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

type Kind = (send: ReturnType<typeof openCaller>["send"], way: string) => Promise<unknown>;
const KINDS: Record<string, Kind> = {
  "are answered": (send, way) => send(way, Buffer.from(RECORDING)).ended,
  "need a decoder": (send, way) => send(way, flac).ended,
  "are cancelled": (send, way) => {
    const call = send(way, flac);
    setTimeout(call.cancel, 20);
    return call.ended;
  },
  "bring no recording": (send, way) => send(way, Buffer.from("PK\x03\x04 and so on")).ended,
  "are cut": (send, way) => send(way, flac.subarray(0, 1000)).ended,
  "ask for nonsense": (send, way) =>
    send(way, flac, { options: { beam_size: 9, language: "klingon" } }).ended,
  expire: (send, way) => send(way, flac, { deadline: 1 }).ended,
};

/** That V8 sees what is still there. */
function countOfOneThatIsThere(): number {
  const call = new Call("id", "method");
  const count = queryObjects(Call, { format: "count" });
  call.end();
  return count;
}

it("calls leave nothing in memory, through whatever door they come and however they end", async () => {
  expect(countOfOneThatIsThere()).toBe(1);
  const { server } = await startFakeServer({ settings: { http: true, httpHost: "127.0.0.1", httpPort: 0 } });
  const ports: Record<Door, number> = { grpc: server.port, http: server.httpPort! };
  for (const door of ["grpc", "http"] as const) {
    const caller = openCaller(door, ports[door]);
    for (const kind of Object.values(KINDS))
      for (let i = 0; i < TIMES; i++)
        await Promise.all(waysOf(door).map((way) => kind(caller.send.bind(caller), way)));
    caller.close();
  }
  // What ends a connection comes a moment later.
  for (let counts = left(); Object.keys(counts).length > 0; counts = left()) {
    console.log("Still there:", counts);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
});
