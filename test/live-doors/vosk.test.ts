import { describe, expect, it } from "vitest";
import { TranscriptionError } from "../../src/index.js";
import { startLive, TestSocket } from "../support/live-server.js";
import { evenWords, final, type LiveScript, partial } from "../support/scripted-live.js";

/** 0.2 s at 8 kHz, as the module for Asterisk sends it. */
const PIECE = Buffer.alloc(3200, 1);

async function connect(options: Parameters<typeof startLive>[0] = {}) {
  const live = await startLive(options);
  const client = await new TestSocket(`ws://127.0.0.1:${live.server.livePorts.voskPort}`).open();
  return { ...live, client };
}

const PHRASE: LiveScript = {
  onWrite(stream, bytes) {
    const piece = bytes / PIECE.length;
    if (piece === 2) stream.say(partial("one two"));
    if (piece === 3)
      stream.say(final("One two,", { endOfUtterance: false, words: evenWords("One two,", 0, 1) }));
    if (piece === 4) stream.say(partial("three"));
    if (piece === 5) {
      stream.say(final("three.", { words: evenWords("three.", 1, 2) }));
      stream.say({ type: "speech-end", channel: 0, utterance: 0, time: 2 });
    }
  },
  onEnd: (stream) => stream.say(final("Goodbye.", { words: evenWords("Goodbye.", 3, 4) })),
};

describe("a client of Vosk", () => {
  it("gets one answer for each piece, partial or final, and the rest at the end", async () => {
    const { client, transcriber } = await connect({ script: PHRASE });
    const answers: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      client.send(PIECE);
      answers.push(await client.next());
    }
    expect(answers).toEqual([
      { partial: "" },
      { partial: "one two" },
      { partial: "One two," },
      { partial: "One two, three" },
      {
        result: [
          { conf: 0.8, start: 0, end: 0.5, word: "One" },
          { conf: 0.8, start: 0.5, end: 1, word: "two," },
          { conf: 0.8, start: 1, end: 2, word: "three." },
        ],
        text: "One two, three.",
      },
      { partial: "" },
    ]);
    client.send('{"eof" : 1}');
    expect((await client.next()).text).toBe("Goodbye.");
    expect((await client.end()).code).toBe(1000);
    expect(client.messages).toHaveLength(7);
    expect(transcriber.streams[0]!.options).toMatchObject({ sampleRate: 8000, words: true });
    expect(transcriber.streams[0]!.bytes.length).toBe(6 * PIECE.length);
  });

  it("gets as many answers as pieces where it does not wait for them, be they odd or empty", async () => {
    const { client, transcriber } = await connect({ script: PHRASE });
    const sizes = [1, 0, 3199, 0, 777, 5000];
    for (const size of sizes) client.send(Buffer.alloc(size, 1));
    client.send({ eof: 1 });
    await client.end();
    expect(client.messages).toHaveLength(sizes.length + 1);
    expect(transcriber.streams[0]!.bytes.length).toBe(sizes.reduce((sum, size) => sum + size));
  });

  it("says at which rate and how it wants its results", async () => {
    const { client, transcriber } = await connect({ script: PHRASE });
    client.send({
      config: { sample_rate: 48000.0, words: 0, max_alternatives: 3, phrase_list: ["agora", "[unk]"] },
    });
    client.send(PIECE);
    expect(await client.next()).toEqual({ partial: "" });
    client.send({ eof: 1 });
    expect(await client.next()).toEqual({ alternatives: [{ confidence: 0.9, text: "Goodbye." }] });
    expect(transcriber.streams[0]!.options).toMatchObject({ sampleRate: 48_000, hotwords: ["agora"] });
  });

  it("that asks for alternatives gets words in them", async () => {
    const { client } = await connect({ script: PHRASE });
    client.send({ config: { max_alternatives: 1 } });
    client.send(PIECE);
    await client.next();
    client.send({ eof: 1 });
    expect(await client.next()).toEqual({
      alternatives: [{ confidence: 0.9, result: [{ start: 3, end: 4, word: "Goodbye." }], text: "Goodbye." }],
    });
  });

  it("may begin anew and go on", async () => {
    const { client } = await connect({
      script: { onFlush: (stream) => stream.say(final("Half a sen", { endOfUtterance: false })) },
    });
    client.send(PIECE);
    await client.next();
    client.send({ reset: 1 });
    expect(await client.next()).toEqual({ text: "Half a sen" });
    client.send(PIECE);
    expect(await client.next()).toEqual({ partial: "" });
  });

  it("that says nothing is answered with nothing", async () => {
    const { client } = await connect();
    client.send({ eof: 1 });
    expect(await client.next()).toEqual({ text: "" });
    expect((await client.end()).code).toBe(1000);
  });

  it("is told its last words when the server stops", async () => {
    const { client, server } = await connect({
      script: {
        onWrite: (stream) => stream.say(final("Half a sentence,", { endOfUtterance: false })),
        onEnd: (stream) => stream.say(final("and the rest.")),
      },
    });
    client.send(PIECE);
    expect(await client.next()).toEqual({ partial: "Half a sentence," });
    const stopped = server.stop();
    expect(await client.next()).toEqual({ text: "Half a sentence, and the rest." });
    expect((await client.end()).code).toBe(1012);
    await stopped;
  });

  it("is not answered before what it has sent is listened to", async () => {
    const { client, transcriber } = await connect({
      script: {
        onWrite(stream) {
          stream.processed = 0;
        },
      },
    });
    client.send(Buffer.alloc(8000 * 2 * 3));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(client.messages).toEqual([]);
    const [stream] = transcriber.streams;
    stream!.say(final("Three seconds."));
    stream!.processed = 3;
    expect(await client.next()).toEqual({ text: "Three seconds." });
  });

  it.each([
    ["text that is no JSON", "hello"],
    ["JSON of another kind", "[]"],
    ["a message that nobody knows", { start: 1 }],
  ])("that sends %s is told in the reason of the end", async (_, message) => {
    const { client } = await connect();
    client.send(message as object);
    const { code, reason } = await client.end();
    expect(code).toBe(1008);
    expect(reason).toContain("eof");
  });

  it("is told in the reason of the end that there is no room", async () => {
    const { client } = await connect({
      refuse: () => {
        throw new TranscriptionError("QUEUE_FULL", "Too many streams");
      },
    });
    client.send(PIECE);
    expect(await client.end()).toEqual({ code: 1013, reason: "Too many streams" });
  });
});
