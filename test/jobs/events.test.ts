import { get as httpGet, ServerResponse } from "node:http";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { TranscriptionError } from "../../src/index.js";
import { SqliteThread } from "../../src/service/jobs/sqlite/sqlite-thread.js";
import { wav } from "../support/audio.js";
import { bursts } from "../support/fake-engine.js";
import { acceptedJob, get, jobOf, jobWhen, startJobs } from "../support/jobs.js";
import { until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";

interface Event {
  id: number | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: events are of many kinds
  data: any;
}

function parsed(text: string): Event[] {
  return text
    .split("\n\n")
    .filter((block) => /^data: /m.test(block))
    .map((block) => {
      const id = /^id: (.*)$/m.exec(block)?.[1];
      return {
        id: id === undefined ? undefined : Number(id),
        data: JSON.parse(/^data: (.*)$/m.exec(block)![1]!),
      };
    });
}

const kept = (events: Event[]) => events.filter(({ id }) => id !== undefined);
const typesOf = (events: Event[]) => kept(events).map(({ data }) => data.type);

/** Reads the events of a job as they come. */
function follow(url: string, id: string, headers: Record<string, string> = {}) {
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  const seen = { text: "", status: 0, isEnded: false };
  const ended = (async () => {
    const response = await fetch(`${url}/v1/jobs/${id}/events`, { headers, signal: controller.signal });
    seen.status = response.status;
    if (response.body) {
      const decoder = new TextDecoder();
      for await (const chunk of response.body) seen.text += decoder.decode(chunk, { stream: true });
    }
    seen.isEnded = true;
    return response;
  })();
  ended.catch(() => {});
  return { seen, ended, leave: () => controller.abort(), events: () => parsed(seen.text) };
}

const SPEECH = wav([bursts(5)], 16_000);

/** A server that says one segment after the other, each when it is told to. */
async function startStepwise() {
  const gates = Array.from({ length: 5 }, () => latch());
  const server = await startJobs({ gate: (index) => gates[index % 5]!.opened, concurrency: 1 });
  return { ...server, gates };
}

describe("the events of a job", () => {
  it("tell of it from the start to the end, text as it is written among it", async () => {
    const { gates, url } = await startStepwise();
    const id = await acceptedJob(url, {}, { recording: SPEECH } as RequestInit);
    const { ended, events, seen } = follow(url, id);
    await until(() => typesOf(events()).length === 2);
    for (const [index, gate] of gates.entries()) {
      gate.open();
      await until(() => typesOf(events()).filter((type) => type === "job.segment").length === index + 1);
      expect(seen.isEnded && index < 4).toBe(false);
    }
    const { headers } = await ended;
    expect(headers.get("content-type")).toContain("text/event-stream");
    expect(headers.get("cache-control")).toContain("no-cache");
    expect(headers.get("x-accel-buffering")).toBe("no");
    const all = kept(events());
    expect(all.map(({ id }) => id)).toEqual(all.map((_, index) => index + 1));
    expect(typesOf(all)).toEqual([
      "job.queued",
      "job.running",
      ...Array.from({ length: 5 }, () => "job.segment"),
      "job.succeeded",
    ]);
    expect(all[1]!.data).toMatchObject({ job_id: id, attempt: 1, at: expect.any(String) });
    const texts = all.flatMap(({ data }) => data.segment?.text ?? []);
    expect(texts).toEqual(["1", "2", "3", "4", "5"]);
    expect(all.at(-1)!.data.job).toEqual(await jobOf(url, id));
    const progress = events().filter(({ data }) => data.type === "job.progress");
    expect(progress.length).toBeGreaterThan(0);
    for (const { data, id } of progress) {
      expect(id).toBeUndefined();
      expect(data.progress).toMatchObject({
        processed: expect.any(Number),
        speed_factor: expect.any(Number),
      });
    }
  });

  it("go on after the last one seen, in its course, after its end, and after a restart of the server", async () => {
    const { folder, gates, server, url } = await startStepwise();
    const id = await acceptedJob(url, {}, { recording: SPEECH } as RequestInit);
    for (const gate of gates.slice(0, 2)) gate.open();
    const first = follow(url, id);
    await until(() => typesOf(first.events()).length === 4);
    first.leave();
    const second = follow(url, id, { "last-event-id": "3" });
    for (const gate of gates) gate.open();
    await second.ended;
    const rest = kept(second.events()).map(({ id }) => id);
    expect(rest).toEqual([4, 5, 6, 7, 8]);
    const whole = kept(parsed((await get(url, `/v1/jobs/${id}/events`)).text));
    expect(whole.slice(3)).toEqual(kept(second.events()));
    await server.stop();
    const { url: next } = await startJobs({ settings: { jobsFolder: folder } });
    expect(kept(parsed((await get(next, `/v1/jobs/${id}/events`)).text))).toEqual(whole);
    expect(kept(parsed((await get(next, `/v1/jobs/${id}/events?last_event_id=7`)).text))).toEqual(
      whole.slice(7),
    );
    // Nothing more will come: a browser need not ask again.
    const seen = await get(next, `/v1/jobs/${id}/events`, { headers: { "last-event-id": "8" } });
    expect({ status: seen.status, text: seen.text }).toEqual({ status: 204, text: "" });
    const wrong = await get(next, `/v1/jobs/${id}/events`, { headers: { "last-event-id": "x" } });
    expect(wrong).toMatchObject({ status: 400, json: { error: { param: "Last-Event-ID" } } });
  });

  it("end with the cancel of a job that waits", async () => {
    const gate = latch();
    const { url } = await startJobs({ gate: () => gate.opened, settings: { jobsMaxRunning: 1 } });
    await jobWhen(url, await acceptedJob(url), "running");
    const id = await acceptedJob(url);
    const { ended, events } = follow(url, id);
    await until(() => typesOf(events()).length === 1);
    await get(url, `/v1/jobs/${id}`, { method: "DELETE" });
    await ended;
    expect(typesOf(events())).toEqual(["job.queued", "job.cancelled"]);
    expect(events().at(-1)!.data.job).toMatchObject({ status: "cancelled" });
    gate.open();
  });

  it("tell why a job has failed", async () => {
    const { url } = await startJobs();
    const id = await acceptedJob(url, {}, { recording: Buffer.from("no sound") } as RequestInit);
    await jobWhen(url, id, "failed");
    const last = parsed((await get(url, `/v1/jobs/${id}/events`)).text).at(-1)!;
    expect(last.data).toMatchObject({ type: "job.failed", job: { error: { code: "UNSUPPORTED_FORMAT" } } });
  });

  it("do not keep the server from stopping, nor their followers when they leave", async () => {
    const { gates, lines, server, url } = await startStepwise();
    const id = await acceptedJob(url, {}, { recording: SPEECH } as RequestInit);
    const [staying, leaving] = [follow(url, id), follow(url, id)];
    await until(() => [staying, leaving].every(({ events }) => typesOf(events()).length === 2));
    const openCalls = async () =>
      Number(/^agora_open_calls (.*)$/m.exec((await get(url, "/metrics")).text)![1]);
    expect(await openCalls()).toBe(3);
    leaving.leave();
    await until(async () => (await openCalls()) === 2);
    const stopped = server.stop();
    // What follows hears nothing more, while what is under way goes on.
    await staying.ended;
    for (const gate of gates) gate.open();
    await stopped;
    expect(lines.some((line) => line.includes(id) && line.includes("Done in"))).toBe(true);
  });

  it("end with an error where the store fails meanwhile, which keeps nothing open", async () => {
    const { gates, lines, url } = await startStepwise();
    const id = await acceptedJob(url, {}, { recording: SPEECH } as RequestInit);
    const { ended, events, seen } = follow(url, id);
    await until(() => typesOf(events()).length === 2);
    const call = SqliteThread.prototype.call as (...asked: unknown[]) => Promise<unknown>;
    const broken = vi.spyOn(SqliteThread.prototype, "call").mockImplementation(function (
      this: SqliteThread,
      ...asked: unknown[]
    ) {
      if (asked[0] !== "events") return call.apply(this, asked);
      return Promise.reject(new TranscriptionError("STORAGE_FAILED", "The disk is gone"));
    } as never);
    onTestFinished(() => broken.mockRestore());
    for (const gate of gates) gate.open();
    await ended;
    expect(seen.status).toBe(200);
    const [, last] = /event: error\ndata: (.*)\n\n$/.exec(seen.text)!;
    expect(JSON.parse(last!)).toMatchObject({ error: { code: "STORAGE_FAILED" } });
    await until(async () => /^agora_open_calls 0$/m.test((await get(url, "/metrics")).text));
    expect(lines.filter((line) => line.includes("The disk is gone"))).toHaveLength(1);
  });

  it("wait for a follower that does not read, and miss nothing but progress", async () => {
    // What is written to a connection that is full stays in the server's memory.
    const written = { inAll: 0, whileFull: 0, thatFilled: 0 };
    const { write } = ServerResponse.prototype;
    const writes = vi.spyOn(ServerResponse.prototype, "write").mockImplementation(function (
      this: ServerResponse,
      ...pieces: unknown[]
    ) {
      written.inAll++;
      if (this.writableNeedDrain) written.whileFull++;
      const hasRoom = write.apply(this, pieces as never);
      if (!hasRoom) written.thatFilled++;
      return hasRoom;
    } as never);
    onTestFinished(() => writes.mockRestore());
    const { url } = await startJobs({
      // Segments of 1 MB, far more together than a connection holds by itself.
      answer: (_samples, _options, index) => ({
        segments: [
          {
            start: 0,
            end: 1,
            text: ` ${String(index)}${"x".repeat(1_000_000)}`,
            tokens: [],
            avgLogProb: -0.1,
            confidence: 0.9,
            noSpeechProb: 0,
            temperature: 0,
          },
        ],
      }),
    });
    const id = await acceptedJob(url, {}, { recording: wav([bursts(30)], 16_000) } as RequestInit);
    let text = "";
    let isEnded = false;
    let resume = () => {};
    httpGet(`${url}/v1/jobs/${id}/events`, (response) => {
      response.setEncoding("utf8");
      response.pause();
      resume = () => {
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.resume();
      };
      response.on("end", () => {
        isEnded = true;
      });
    });
    await jobWhen(url, id, "succeeded");
    resume();
    await until(() => isEnded);
    const events = parsed(text);
    const numbers = kept(events).map(({ id }) => id);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    expect(typesOf(events).filter((type) => type === "job.segment")).toHaveLength(30);
    // What is replaced by later progress depends on when the connection was full.
    const done = events.flatMap(({ data }) => data.progress?.processed ?? []);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(written.inAll).toBeGreaterThanOrEqual(events.length);
    expect(written.thatFilled).toBeGreaterThan(0);
    expect(written.whileFull).toBe(0);
  });
});
