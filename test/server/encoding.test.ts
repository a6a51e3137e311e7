import protobuf from "protobufjs";
import { expect, it, onTestFinished, vi } from "vitest";
import { loadDefinitions, serviceIn, V2_SERVICE } from "../../src/doors/grpc/definitions.js";
import { EncodedResult, takingEncoded } from "../../src/doors/grpc/v2/encoded-result.js";
import type { SentResult } from "../../src/doors/grpc/v2/results.js";
import { RECORDING, startFakeServer } from "../support/server.js";
import { uploadOf, V2Client } from "../support/v2-client.js";
import { startV2 } from "../support/v2-server.js";

const SERVICE = serviceIn(loadDefinitions(), V2_SERVICE);
const RESULT = { text: "да", request_id: "x".repeat(300), segments: [] } as unknown as SentResult;

it("a result that was measured is sent as it is, in events too", () => {
  const encoded = EncodedResult.of(RESULT);
  const { Transcribe, TranscribeUploadEvents } = takingEncoded(SERVICE);
  expect(Transcribe!.responseSerialize(encoded)).toBe(encoded.bytes);
  const event = TranscribeUploadEvents!.responseSerialize({ result: encoded });
  expect(event).toEqual(SERVICE.TranscribeUploadEvents!.responseSerialize({ result: RESULT }));
  const progress = { upload: { bytes_received: 5, complete: true } };
  expect(TranscribeUploadEvents!.responseSerialize(progress)).toEqual(
    SERVICE.TranscribeUploadEvents!.responseSerialize(progress),
  );
});

it("a result is encoded once, however it is asked for", async () => {
  const { Transcribe, TranscribeUpload, TranscribeUploadEvents } = SERVICE;
  // The server takes them as it starts.
  const unary = vi.spyOn(Transcribe!, "responseSerialize");
  const upload = vi.spyOn(TranscribeUpload!, "responseSerialize");
  const event = vi.spyOn(TranscribeUploadEvents!, "responseSerialize");
  onTestFinished(() => void vi.restoreAllMocks());
  const { v2 } = await startV2();
  await v2.transcribe({ audio: RECORDING });
  await v2.upload(uploadOf(RECORDING));
  const events = v2.events();
  for (const message of uploadOf(RECORDING)) events.write(message);
  events.end();
  expect((await events.ended).at(-1)!.result!.text).toBe("1");
  expect(unary).toHaveBeenCalledTimes(3);
  expect(upload).not.toHaveBeenCalled();
  expect(event).toHaveBeenCalled();
  for (const [sent] of event.mock.calls) expect(sent).not.toHaveProperty("result");
});

it("a server that starts parses no contract that was parsed already", async () => {
  const parse = vi.spyOn(protobuf, "parse");
  const { server } = await startFakeServer();
  await new V2Client(server.port).serverInfo();
  expect(parse).not.toHaveBeenCalled();
  parse.mockRestore();
});
