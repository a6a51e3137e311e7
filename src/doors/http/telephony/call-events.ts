import type { FastifyReply, FastifyRequest } from "fastify";
import type { Service } from "../../../service/service.js";
import type { CallPartial, KeptCallEvent, PhoneCall } from "../../../service/telephony/phone-call.js";
import type { EventStream } from "../events.js";
import { lastSeen, sendFollowed } from "../followed-events.js";
import { timeOf } from "../jobs/document.js";
import { callDocument, callSegment } from "./document.js";

/**
 * Answers with what has happened in a call after the last event that the client has seen, then with what happens, until the
 * call has ended.
 * @throws Refusal INVALID_ARGUMENT
 */
export function sendCallEvents(
  service: Service,
  phone: PhoneCall,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const events = phone.follow(lastSeen(request), request.call.signal);
  return sendFollowed(
    service,
    { events, isEnded: phone.isEnded, send: (event, stream) => send(phone, event, stream) },
    request,
    reply,
  );
}

async function send(
  phone: PhoneCall,
  event: KeptCallEvent | CallPartial,
  stream: EventStream,
): Promise<void> {
  if (event.type === "partial") stream.offer(partialEvent(event));
  else stream.send(keptEvent(phone, event), event.number);
  // The next is asked for when there is room: of text under way it is the newest then.
  await stream.drained();
}

function partialEvent({ stableLength, type, ...partial }: CallPartial): object {
  return { type: `call.${type}`, partial: { ...partial, stable_length: stableLength } };
}

function keptEvent(phone: PhoneCall, { at, number: _, type, ...event }: KeptCallEvent): object {
  const common = { type: `call.${type}`, call_id: phone.id, at: timeOf(at) };
  if ("segment" in event) return { ...common, segment: callSegment(event.segment) };
  if (type === "ended") return { ...common, call: callDocument(phone) };
  if (type === "leg_started") return { ...common, name: null, ...event };
  if (type === "leg_ended")
    return { ...common, ...event, error: "error" in event ? (event.error ?? null) : null };
  return { ...common, ...event };
}
