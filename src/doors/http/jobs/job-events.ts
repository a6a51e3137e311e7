import type { FastifyReply, FastifyRequest } from "fastify";
import type { Segment } from "../../../index.js";
import { type FollowedEvent, isFinished } from "../../../service/jobs/job.js";
import type { Service } from "../../../service/service.js";
import type { EventStream } from "../events.js";
import { lastSeen, sendFollowed } from "../followed-events.js";
import { documentOf, progressOf, timeOf } from "./document.js";

/**
 * Answers with what has happened to a job after the last event that the client has seen, then with what happens, until the
 * job has ended or the server closes: then the client comes again. A failure after the first event is the last one.
 * @throws Refusal INVALID_ARGUMENT; TranscriptionError STORAGE_FAILED
 */
export function sendEvents(
  service: Service,
  id: string,
  isEnded: boolean,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const events = service.jobs.follow(id, lastSeen(request), request.call.signal);
  return sendFollowed(
    service,
    { events, isEnded, send: (event, stream) => send(service, id, event, stream) },
    request,
    reply,
  );
}

async function send(service: Service, id: string, event: FollowedEvent, stream: EventStream): Promise<void> {
  const shown = await shownEvent(service, id, event);
  if (event.type === "progress") stream.offer(shown);
  else stream.send(shown, event.number);
  // The next is asked for when there is room: of progress it is the latest then.
  await stream.drained();
}

async function shownEvent(service: Service, id: string, event: FollowedEvent): Promise<object> {
  const type = `job.${event.type}`;
  if (event.type === "progress") return { type, progress: progressOf(event.progress) };
  const common = { type, job_id: id, at: timeOf(event.at) };
  switch (event.type) {
    case "segment":
      return { ...common, segment: segmentOf(event.segment) };
    case "running":
      return { ...common, attempt: event.attempt };
    case "queued":
      return common;
    default: {
      const job = await service.jobs.get(id);
      const isLast = job && isFinished(job.status);
      return { ...common, ...(isLast && { job: documentOf(job) }) };
    }
  }
}

/** What is told of a segment as it is written. */
type ToldSegment = Pick<
  Segment,
  "id" | "start" | "end" | "text" | "confidence" | "channel" | "language" | "speaker" | "words"
>;

export function segmentOf({ words, ...segment }: ToldSegment): object {
  const { channel, confidence, end, id, language, speaker, start, text } = segment;
  return {
    id,
    start,
    end,
    text,
    confidence,
    ...(channel !== undefined && { channel }),
    ...(language !== undefined && { language }),
    ...(speaker !== undefined && { speaker }),
    ...(words && {
      words: words.map((word) => ({
        word: word.text,
        start: word.start,
        end: word.end,
        confidence: word.confidence,
        ...(word.speaker !== undefined && { speaker: word.speaker }),
      })),
    }),
  };
}
