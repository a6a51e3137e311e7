import { connect } from "node:http2";
import { onTestFinished } from "vitest";
import { decodeStatus } from "./decode-status.js";

/** A request as a client writes it on the wire, with whatever stands before the message. */
export interface Wire {
  method: string;
  encoding?: string;
  /** Pieces, which may take their time. */
  data: Iterable<Buffer> | AsyncIterable<Buffer>;
  /** Whether the client says that this is all. */
  ends?: boolean;
}

/** Sends a call, and resolves with the status that it ends with and what its details say. */
export async function send(port: number, { method, encoding, data, ends = true }: Wire) {
  const session = connect(`http://localhost:${port}`);
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": `/${method}`,
    "content-type": "application/grpc",
    te: "trailers",
    ...(encoding && { "grpc-encoding": encoding }),
  });
  stream.on("error", () => {});
  const ended = new Promise<Record<string, unknown>>((resolve) => {
    stream.on("response", (headers) => headers["grpc-status"] !== undefined && resolve(headers));
    stream.on("trailers", resolve);
  });
  stream.resume();
  for await (const piece of data) stream.write(piece);
  if (ends) stream.end();
  const headers = await ended;
  const details = headers["grpc-status-details-bin"];
  return {
    code: Number(headers["grpc-status"]),
    pushback: headers["grpc-retry-pushback-ms"],
    message: decodeURIComponent(String(headers["grpc-message"])),
    ...(details !== undefined && decodeStatus(Buffer.from(String(details), "base64"))),
  };
}

/** `message` with its head, which may announce another length. */
export function framed(message: Uint8Array, isCompressed = false, length = message.length): Buffer {
  const head = Buffer.alloc(5);
  head[0] = Number(isCompressed);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}
