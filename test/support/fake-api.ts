import type { Api } from "../../src/cli/context.js";
import type { TranscriptionResult } from "../../src/index.js";
import * as publicApi from "../../src/index.js";
import { result, segment } from "./results.js";

export type Transcribe = publicApi.Transcriber["transcribe"];

/** The public API with a transcriber that needs neither addon nor model, and a record of what was asked of it. */
export interface FakeApi extends Api {
  created: publicApi.TranscriberOptions[];
  calls: { input: unknown; options: publicApi.TranscribeOptions }[];
  closed: number;
}

/**
 * @param transcribe by default answers every input with one segment of its name
 * @param timesWords what the transcriber says of itself
 */
export function fakeApi(
  transcribe: Transcribe = textOfName,
  overrides: Partial<Api> = {},
  timesWords = true,
): FakeApi {
  const fake: FakeApi = {
    ...publicApi,
    createTranscriber: async (options = {}) => {
      fake.created.push(options);
      return {
        info: {
          model: { name: "demo", type: "custom", weightType: "q8_0", computeType: "int8" },
          device: { kind: "cpu", name: "Test CPU", threads: 2 },
          timesWords,
        },
        transcribe: (input, transcribeOptions = {}) => {
          fake.calls.push({ input, options: transcribeOptions });
          return transcribe(input, transcribeOptions);
        },
        load: () => undefined,
        close: async () => {
          fake.closed++;
        },
      } as publicApi.Transcriber;
    },
    created: [],
    calls: [],
    closed: 0,
    ...overrides,
  };
  return fake;
}

const textOfName: Transcribe = async (input, options) =>
  answer([segment(0, 2, `Text of ${input}.`)], options);

/** Reports the segments as a transcriber would, and returns the result of them. */
export function answer(
  segments: publicApi.Segment[],
  options: publicApi.TranscribeOptions = {},
  extra: Partial<TranscriptionResult> = {},
): TranscriptionResult {
  for (const part of segments) options.onSegment?.(part);
  options.onProgress?.({ processed: 6, total: 12, speedFactor: 3 });
  return result(segments, extra);
}
