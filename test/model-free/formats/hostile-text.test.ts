import { describe, expect, it } from "vitest";
import { formatSegments } from "../../../src/index.js";
import { segment } from "../../support/results.js";

/** Text that is syntax in one format or another, with words as they are timed. */
const HOSTILE = "one\n\n2\r\n00:00:01,000 --> 00:00:02,000\t<b>&amp; [00:09.00] \u2028NOTE\u0085\x1b[2J";

const text = (format: "txt" | "srt" | "vtt" | "tsv" | "lrc") =>
  formatSegments([segment(0, 1, HOSTILE, { channel: 0 }), segment(1, 2, "next", { channel: 0 })], format, {
    channelLabels: ["a\tb\n\n<c> --> [d]"],
  });
const linesOf = (document: string) => document.split(/\r\n|[\n\r\u0085\u2028\u2029]/);

describe("text that is syntax", () => {
  it("stays in one line of txt, without controls", () => {
    expect(linesOf(text("txt"))).toHaveLength(3);
    expect(text("txt")).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  it("makes no cue of srt: two cues have two time lines and one blank line between", () => {
    const lines = linesOf(text("srt"));
    expect(lines.filter((line) => line.includes("-->"))).toHaveLength(2);
    expect(lines.filter((line) => line === "")).toHaveLength(2);
  });

  it("makes no cue, tag or entity of vtt", () => {
    const lines = linesOf(text("vtt"));
    expect(lines.filter((line) => line.includes("-->"))).toHaveLength(2);
    expect(text("vtt")).toContain("&lt;b&gt;&amp;amp;");
    expect(text("vtt").match(/<[^>]*>/g)).toEqual(Array(2).fill("<v a b &lt;c&gt; --&gt; [d]>"));
  });

  it("makes no column or row of tsv", () => {
    const rows = linesOf(text("tsv"))
      .filter(Boolean)
      .map((row) => row.split("\t"));
    expect(rows.map((row) => row.length)).toEqual([4, 4, 4]);
  });

  it("makes no time of lrc", () => {
    const lines = linesOf(text("lrc")).filter(Boolean);
    expect(lines).toHaveLength(3);
    for (const line of lines.slice(1)) expect(line.match(/\[\d+:\d+\.\d+\]/g)).toHaveLength(1);
  });
});
