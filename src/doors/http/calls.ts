import type { FastifyReply, FastifyRequest } from "fastify";
import { TranscriptionError } from "../../index.js";
import { Call } from "../../service/call/call.js";
import type { Service } from "../../service/service.js";
import { variableOf } from "../../service/settings.js";
import { LONGEST_TIMER } from "../../service/timers.js";

/** An answer gets the patience once for each so many bytes. */
const BYTES = 1024 ** 2;
/** Milliseconds for a client that was answered early to stop sending. */
const LINGER = 2000;

/** The call of a request, counted when it is over, whatever becomes of it. */
export function beginCall(service: Service, request: FastifyRequest, reply: FastifyReply): Call {
  const { method, raw, routeOptions } = request;
  const { remoteAddress = "unknown", remotePort = 0 } = raw.socket;
  const address = remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress;
  const call = new Call(request.id, `${method} ${routeOptions.url}`, `${address}:${remotePort}`);
  reply.raw.once("close", () => {
    const outcome = call.outcome ?? (reply.raw.writableFinished ? "OK" : "CANCELLED");
    service.calls.end(call);
    service.metrics.ended(call.method, outcome, call.age);
  });
  return call;
}

/**
 * Has the connection end when its client goes on sending what nobody reads, once it is answered. What has been sent by then
 * is thrown away, so that the client sees the answer rather than a connection that breaks.
 */
export function stopSending({ raw }: FastifyRequest, reply: FastifyReply): void {
  reply.raw.once("finish", () => {
    if (raw.complete || raw.destroyed) return;
    const timer = setTimeout(() => raw.socket.destroy(), LINGER);
    raw.once("close", () => clearTimeout(timer));
    raw.resume();
  });
}

/** Ends the connection of a client that does not read its answer, which takes `bytes`. @returns that it was read */
export function mustRead(
  reply: FastifyReply,
  call: Call | undefined,
  bytes: number,
  patience: number,
): () => void {
  if (!Number.isFinite(patience)) return () => {};
  const { raw } = reply;
  const times = Math.max(1, Math.ceil(bytes / BYTES));
  const timer = setTimeout(
    () => {
      const message = `The client has not read its answer for ${variableOf("idleTimeout")} (${patience} s)`;
      const reason = new TranscriptionError("DEADLINE_EXCEEDED", message);
      if (call) call.outcome ??= reason.code;
      call?.fail(reason);
      raw.destroy();
    },
    Math.min(times * patience * 1000, LONGEST_TIMER),
  );
  const isRead = () => {
    clearTimeout(timer);
    raw.off("close", isRead);
  };
  raw.once("close", isRead);
  return isRead;
}

/** Ends the connection of a client that has read nothing for so many seconds of an answer that waits for it. */
export function mustGoOn({ raw }: FastifyReply, seconds: number): void {
  if (!Number.isFinite(seconds)) return;
  let seen = -1;
  const timer = setInterval(
    () => {
      const { bytesWritten = 0 } = raw.socket ?? {};
      if (bytesWritten === seen) raw.destroy();
      seen = bytesWritten;
    },
    Math.min(seconds * 1000, LONGEST_TIMER),
  );
  raw.once("close", () => clearInterval(timer));
}
