import { status } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  loadDefinitions,
  recordingFields,
  serviceIn,
  V1_SERVICE,
  V2_SERVICE,
} from "../../src/doors/grpc/definitions.js";
import { requireSmallRest } from "../../src/doors/grpc/messages/rest.js";
import { seededRandom } from "../support/random.js";
import { RECORDING, startFakeServer } from "../support/server.js";
import { framed, send } from "../support/wire.js";

afterEach(() => void vi.restoreAllMocks());

const MIB = 1024 ** 2;
const V1 = serviceIn(loadDefinitions(), V1_SERVICE);
const V2 = serviceIn(loadDefinitions(), V2_SERVICE);
const FIELDS = new Map([...recordingFields(V1), ...recordingFields(V2)]);
const METHODS = [V1.TranscribeAudio!, V1.TranscribeAudioStream!, V2.Transcribe!, V2.TranscribeUpload!];

/** Tags of fields that are known and that are not, of every wire type, numbers of every length, and others. */
const BYTES = Buffer.from("0a121a222008101511257a787d797b7c0b14000102030405088081928affff80808080", "hex");

describe("what a message has besides its recording", () => {
  it.each(METHODS.map((method) => [method.path, method] as const))(
    "is what the parser reads of %s",
    (_, method) => {
      const random = seededRandom(7);
      const fields = FIELDS.get(method.path)!;
      let recordings = 0;
      // The parser reads no bytes but those of recordings.
      const read = protobuf.Reader.prototype.bytes;
      vi.spyOn(protobuf.Reader.prototype, "bytes").mockImplementation(function (this: protobuf.Reader) {
        const bytes = read.call(this);
        recordings += bytes.length;
        return bytes;
      });
      let parsed = 0;
      for (let i = 0; i < 20_000; i++) {
        const message = Buffer.alloc(1 + Math.floor(24 * random()));
        for (const at of message.keys()) message[at] = BYTES[Math.floor(BYTES.length * random())]!;
        recordings = 0;
        try {
          method.requestDeserialize(message);
        } catch {
          expect(() => requireSmallRest(message, fields, message.length)).not.toThrow();
          continue;
        }
        parsed++;
        const rest = message.length - recordings;
        const shown = message.toString("hex");
        expect(() => requireSmallRest(message, fields, rest), shown).not.toThrow();
        expect(() => requireSmallRest(message, fields, rest - 1), shown).toThrow("besides the recording");
      }
      expect(parsed).toBeGreaterThan(500);
    },
  );

  it.each([
    ["a length of ten bytes", "12 80 80 80 80 80 01 00 00 00 00"],
    ["a length above 32 bits", "12 80 80 80 80 10"],
    ["a recording with the tag of a number", "15 00"],
    ["a group", "7b 7a 01 00 7c"],
  ])("is refused when it is too much, behind %s, too", async (_, prefix) => {
    const { server } = await startFakeServer();
    const config = { options: { hotwords: Array(2.5 * MIB).fill("") } };
    const message = Buffer.concat([
      Buffer.from(prefix.replaceAll(" ", ""), "hex"),
      V2.Transcribe!.requestSerialize({ audio: RECORDING, config }),
    ]);
    const method = `${V2_SERVICE}/Transcribe`;
    const refused = await send(server.port, { method, data: [framed(message)] });
    expect(refused).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "AUDIO_TOO_LARGE" });
    expect(refused.message).toContain("besides the recording");
  });

  it("is refused in a text that is cut off, which the parser takes as it is", async () => {
    const { server } = await startFakeServer();
    const name = Buffer.concat([Buffer.from([0x12, 0xff, 0xff, 0xff, 0x0f]), Buffer.alloc(5 * MIB, "x")]);
    const method = `${V1_SERVICE}/TranscribeAudio`;
    const refused = await send(server.port, { method, data: [framed(name)] });
    expect(refused).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "AUDIO_TOO_LARGE" });
  });

  it("is told apart from a large recording in whatever order fields come", async () => {
    const { server } = await startFakeServer();
    const recording = V1.TranscribeAudioStream!.requestSerialize({ chunk_data: Buffer.alloc(5 * MIB) });
    const rest = V1.TranscribeAudioStream!.requestSerialize({ filename: "a.wav", sample_rate: 16_000 });
    const unknown = Buffer.from("7801", "hex");
    const method = `${V1_SERVICE}/TranscribeAudioStream`;
    const message = Buffer.concat([unknown, rest, recording]);
    // Zeros are no recording, which v1 says in band.
    expect(await send(server.port, { method, data: [framed(message)] })).toMatchObject({ code: status.OK });
  });
});
