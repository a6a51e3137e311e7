import type { FastifyReply, FastifyRequest } from "fastify";
import type { Service } from "../../service/service.js";
import { EventStream } from "./events.js";
import { failureOf, Refusal } from "./failures.js";

/** What somebody follows. */
export interface Followed<E> {
  /** After the last event that the client has seen. */
  events: AsyncGenerator<E, void>;
  /** Whether nothing more will happen than what has. */
  isEnded: boolean;
  send(event: E, stream: EventStream): Promise<void>;
}

/**
 * Answers with events as they come; 204 where all were seen of what has ended. A failure after the first event is the last
 * one.
 */
export async function sendFollowed<E>(
  service: Service,
  { events, isEnded, send }: Followed<E>,
  { call }: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  let stream: EventStream | undefined;
  try {
    // Of what has ended all is there: nothing more means that all was seen, and none need come again.
    const first = isEnded ? await events.next() : undefined;
    if (first?.done) return reply.code(204).send();
    stream = new EventStream(reply, call, service.settings.idleTimeout);
    stream.begin();
    if (first) await send(first.value, stream);
    for await (const event of events) await send(event, stream);
    stream.end();
    return reply;
  } catch (error) {
    if (!stream?.isOpen) throw error;
    const failure = failureOf(error, call.id, service.workers.retryAfter);
    service.logFailure(call, error, failure.message, failure.reason);
    call.outcome ??= failure.reason;
    stream.fail(failure);
    return reply;
  } finally {
    await events.return();
  }
}

/**
 * Number of the last event that a client has seen, by the header that browsers send of themselves, or by the query, where
 * they cannot set one. @throws Refusal
 */
export function lastSeen({ headers, query }: FastifyRequest): number {
  const { last_event_id } = query as { last_event_id?: string };
  const given = headers["last-event-id"] ?? last_event_id ?? "";
  if (given === "") return 0;
  if (typeof given === "string" && /^\d{1,15}$/.test(given)) return Number(given);
  throw new Refusal("INVALID_ARGUMENT", "Expected the id of an event for Last-Event-ID", "Last-Event-ID");
}
