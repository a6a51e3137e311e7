import { describe, expect, it } from "vitest";
import { formatResult } from "../../../src/formats/index.js";
import { liveResult } from "../../../src/live/live-result.js";
import {
  bytesOf,
  finalsOf,
  join,
  liveStream,
  replay,
  said,
  scriptedEngine,
  silence,
  words,
} from "../../support/scripted-speech.js";

const engine = scriptedEngine();
const { implementation, model, device, maxWindow } = engine;
const info = { implementation, model, device, maxWindow, languages: model.languages, timesWords: true };

describe("the finals of a live stream", () => {
  it("are a transcription like any other", async () => {
    const options = { words: true, language: "en" } as const;
    const audio = bytesOf(join([words(0, 3), silence(1), words(3, 3)]));
    const { events, stats } = await replay(liveStream(options), audio, 640);
    const result = liveResult(finalsOf(events), stats, info, options);
    expect(result).toMatchObject({ text: said(0, 6), language: "en", duration: 4, stats: { wordCount: 6 } });
    expect(formatResult(result, "txt")).toBe(`${said(0, 3)}\n${said(3, 3)}\n`);
    expect(formatResult(result, "srt")).toContain("2\n00:00:02,5");
    for (const format of ["json", "verbose_json", "whisperx", "vtt", "tsv", "csv", "lrc"] as const)
      expect(formatResult(result, format)).toContain("w3");
  });

  it("have their channels apart", async () => {
    const left = words(0, 2);
    const both = Float32Array.from({ length: left.length * 2 }, (_, i) => (i % 2 ? 0 : left[i >> 1]!));
    const { events, stats } = await replay(liveStream({ channels: 2 }), bytesOf(both), 640);
    const result = liveResult(finalsOf(events), stats, info, { channels: 2 });
    expect(result.channels).toMatchObject([
      { channel: 0, text: said(0, 2), language: "en" },
      { channel: 1, text: "", language: "" },
    ]);
    expect(formatResult(result, "txt")).toBe(`[channel 0] ${said(0, 2)}\n`);
  });
});
