import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { LiveEvent as Event, Word } from "../../../index.js";
import type { Call } from "../../../service/call/call.js";
import type { LiveSession } from "../../../service/live.js";
import type { LiveRequest, LiveEvent as Message, Word as MessageWord } from "./messages.js";

/** An event as it is sent. */
export type SentLiveEvent = Message;

export type LiveRpc = ServerDuplexStream<LiveRequest, SentLiveEvent>;

/** The way of a stream's events to a client. Of partial ones a slow reader gets the newest of each channel. */
export class LiveEvents {
  readonly #rpc: LiveRpc;
  readonly #call: Call;
  readonly #newest = new Map<number, SentLiveEvent>();

  constructor(rpc: LiveRpc, call: Call) {
    this.#rpc = rpc;
    this.#call = call;
    rpc.on("drain", () => {
      const waiting = [...this.#newest.values()];
      this.#newest.clear();
      for (const event of waiting) this.#write(event);
    });
  }

  send(event: Event, { kept, progress }: LiveSession): void {
    const message = toMessage(event, progress.received, kept);
    if (event.type === "partial" && this.#rpc.writableNeedDrain) {
      this.#newest.set(event.channel, message);
      return;
    }
    if ("channel" in event) this.#newest.delete(event.channel);
    this.#write(message);
  }

  end(): void {
    this.#rpc.end();
  }

  #write(message: SentLiveEvent): void {
    if (!this.#call.signal.aborted) this.#rpc.write(message);
  }
}

function toMessage(event: Event, received: number, kept: LiveSession["kept"]): SentLiveEvent {
  return { seq: event.seq, stream_time: received, ...contentOf(event, kept) };
}

function contentOf(event: Event, kept: LiveSession["kept"]): Omit<SentLiveEvent, "seq" | "stream_time"> {
  switch (event.type) {
    case "ready":
      return { ready: { model: event.model, sample_rate: event.sampleRate } };
    case "speech-start": {
      const { channel, time, utterance } = event;
      return { speech_start: { channel, utterance, time } };
    }
    case "language": {
      const { channel, language, probability } = event;
      return { language: { channel, language, probability } };
    }
    case "partial": {
      const { channel, end, stableLength, start, text, utterance } = event;
      return { partial: { channel, utterance, text, stable_text: text.slice(0, stableLength), start, end } };
    }
    case "final":
      return {
        final: {
          id: event.id,
          channel: event.channel,
          utterance: event.utterance,
          text: event.text,
          words: (event.words ?? []).map(toWord),
          start: event.start,
          end: event.end,
          confidence: event.confidence,
          avg_log_prob: event.avgLogProb,
          no_speech_prob: event.noSpeechProb,
          language: event.language,
          end_of_utterance: event.endOfUtterance,
          speaker: event.speaker ?? "",
          speaker_confidence: event.speakerConfidence ?? 0,
        },
      };
    case "speech-end": {
      const { channel, time, utterance } = event;
      return { speech_end: { channel, utterance, time } };
    }
    case "lag": {
      const { committed, processed, received } = event;
      return { lag: { received, processed, committed } };
    }
    case "warning":
      return { warning: { message: event.message } };
    case "done": {
      const { stats } = event;
      return {
        done: {
          received: stats.received,
          processed: stats.processed,
          speech: stats.speech,
          finals: stats.finals,
          words: stats.words,
          steps: stats.steps,
          resets: stats.resets,
          replaced_partials: stats.replacedPartials,
          processing_time: stats.processingTime,
          recorded: stats.recorded ?? 0,
          recording_id: kept?.recordingId ?? "",
          job_id: kept?.jobId ?? "",
        },
      };
    }
  }
}

function toWord({ confidence, end, speaker, speakerConfidence, start, text }: Word): MessageWord {
  return {
    start,
    end,
    text,
    confidence,
    speaker: speaker ?? "",
    speaker_confidence: speakerConfidence ?? 0,
  };
}
