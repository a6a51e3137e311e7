import type { Progress, Segment, TranscribeOptions, TranscriptionResult } from "../../../index.js";
import type { EventStream } from "../events.js";
import { diarizedSegment, logprobsOf, segmentId, turnsText } from "./answers.js";
import type { Asked } from "./request.js";

/** OpenAI's events of a transcription: text as it is written, then all of it. */
export class TextEvents {
  readonly #stream: EventStream;
  readonly #asked: Asked;
  #sent = 0;

  constructor(stream: EventStream, asked: Asked) {
    this.#stream = stream;
    this.#asked = asked;
  }

  /** Speakers are known at the end alone, and segments are cut by them. */
  get #isDiarized(): boolean {
    return this.#asked.format === "diarized_json";
  }

  get listeners(): Pick<TranscribeOptions, "onSegment" | "onProgress"> {
    return {
      onProgress: (progress) => this.#stream.offer(progressEvent(progress)),
      ...(!this.#isDiarized && { onSegment: (segment) => this.#delta(segment) }),
    };
  }

  finish(result: TranscriptionResult): void {
    if (this.#isDiarized) {
      for (const [index, segment] of result.segments.entries()) {
        this.#delta(segment, segmentId(index));
        this.#stream.send(diarizedSegment(segment, index));
      }
    }
    this.#stream.send({
      type: "transcript.text.done",
      text: this.#isDiarized ? turnsText(result.segments) : result.text,
      ...(result.language !== "" && { languages: [{ code: result.language }] }),
      ...(this.#asked.logprobs && { logprobs: logprobsOf(result.segments) }),
    });
    this.#stream.end();
  }

  /** Deltas, joined, are the text. */
  #delta(segment: Segment, id?: string): void {
    const isFirst = this.#sent++ === 0;
    this.#stream.send({
      type: "transcript.text.delta",
      delta: isFirst ? segment.text : ` ${segment.text}`,
      ...(id !== undefined && { segment_id: id }),
      ...(this.#asked.logprobs && { logprobs: logprobsOf([segment], isFirst) }),
    });
  }
}

/** Of our own: clients pass over types that they do not know. */
function progressEvent({ processed, speedFactor, total }: Progress): object {
  return { type: "progress", processed, total: total ?? null, speed_factor: speedFactor };
}
