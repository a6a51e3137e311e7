import Type from "typebox";
import {
  CALL_SOURCES,
  type CallSegment,
  type CallSource,
  type LegState,
  type PhoneCall,
} from "../../../service/telephony/phone-call.js";
import { timeOf } from "../jobs/document.js";
import { segmentOf } from "../jobs/job-events.js";

const TIME = Type.String({ description: "ISO 8601" });
const MAYBE_TIME = Type.Union([TIME, Type.Null()]);

const LEG = Type.Object({
  channel: Type.Integer(),
  name: Type.Union([Type.String(), Type.Null()], { description: "inbound or outbound, of Twilio" }),
  peer: Type.String({ description: "Where its audio comes from" }),
  started_at: TIME,
  ended_at: MAYBE_TIME,
  received: Type.Union([Type.Number(), Type.Null()], { description: "Seconds of audio, once it has ended" }),
  processed: Type.Union([Type.Number(), Type.Null()], { description: "As many, unless it has failed" }),
  error: Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()]),
});

const COMMON = {
  id: Type.String({ description: "UUID of AudioSocket, or CallSid of Twilio" }),
  object: Type.Literal("call"),
  source: Type.Unsafe<CallSource>({ type: "string", enum: CALL_SOURCES }),
  status: Type.Unsafe<"active" | "ended">({ type: "string", enum: ["active", "ended"] }),
  created_at: TIME,
  ended_at: MAYBE_TIME,
  legs: Type.Array(LEG),
  events_url: Type.String(),
};
/** A call in a list. */
export const CALL = Type.Object(COMMON);
/** A call by itself. */
export const CALL_WITH_TEXT = Type.Object({
  ...COMMON,
  text: Type.String({ description: "Turns as lines, of both parties in order of time" }),
  segments: Type.Array(Type.Object({}, { additionalProperties: true })),
});

export function callDocument(call: PhoneCall): Type.Static<typeof CALL> {
  const { createdAt, endedAt, id, isEnded, legs, source } = call;
  return {
    id,
    object: "call",
    source,
    status: isEnded ? "ended" : "active",
    created_at: timeOf(createdAt),
    ended_at: endedAt === undefined ? null : timeOf(endedAt),
    legs: legs.map(legDocument),
    events_url: `/api/calls/${id}/events`,
  };
}

export function callWithText(call: PhoneCall): Type.Static<typeof CALL_WITH_TEXT> {
  const segments = call.segments.toSorted((a, b) => a.start - b.start);
  return { ...callDocument(call), text: turnsOf(segments), segments: segments.map(callSegment) };
}

/** A line for each turn. */
function turnsOf(segments: readonly CallSegment[]): string {
  const turns: { channel: number; text: string }[] = [];
  for (const { channel, text } of segments) {
    const last = turns.at(-1);
    if (last?.channel === channel) last.text += ` ${text}`;
    else turns.push({ channel, text });
  }
  return turns.map(({ channel, text }) => `[channel ${channel}] ${text}`).join("\n");
}

function legDocument({ channel, end, endedAt, name, peer, startedAt }: LegState): Type.Static<typeof LEG> {
  return {
    channel,
    name: name ?? null,
    peer,
    started_at: timeOf(startedAt),
    ended_at: endedAt === undefined ? null : timeOf(endedAt),
    received: end?.received ?? null,
    processed: end?.processed ?? null,
    error: end?.error ?? null,
  };
}

/** A segment as events of jobs have it, and what only calls know. */
export function callSegment({ endOfUtterance, utterance, ...segment }: CallSegment): object {
  return { ...segmentOf(segment), utterance, end_of_utterance: endOfUtterance };
}
