import type { Segment } from "../types/result.js";
import { cuesOf, cueText } from "./cues.js";
import type { FormatOptions } from "./options.js";
import { inOrder } from "./order.js";
import { timed } from "./table.js";
import { singleLine, voiceLabel } from "./text.js";
import { clockTime, lyricsTime } from "./timestamps.js";

type Writer = (segments: readonly Segment[], options: FormatOptions) => string;

/** Plain text: one segment per line. */
export const writeTxt: Writer = (segments, options) =>
  segments
    .map((segment) => {
      const label = voiceLabel(segment, options);
      const before = !label ? "" : "speaker" in label ? `${label.speaker}: ` : `[${label.channel}] `;
      return `${before}${singleLine(segment.text)}\n`;
    })
    .join("");

/** SubRip. It has no escapes: an arrow in the text would be read as a time line, so it is shortened. */
export const writeSrt: Writer = (segments, options) =>
  cuesOf(segments, options)
    .map((cue, index) => {
      const label = voiceLabel(cue, options);
      // WhisperX has a colon after speakers.
      const before = !label ? "" : "speaker" in label ? `[${label.speaker}]: ` : `[${label.channel}] `;
      const line = `${before}${cueText(cue, (part) => part)}`;
      return (
        `${index + 1}\n${clockTime(cue.start, ",")} --> ${clockTime(cue.end, ",")}\n` +
        `${line.replaceAll("-->", "->")}\n`
      );
    })
    .join("\n");

/** WebVTT, https://www.w3.org/TR/webvtt1/: escapes of section 4.2.2, speakers and channels as voice spans. */
export const writeVtt: Writer = (segments, options) => {
  const cues = cuesOf(segments, options).map((cue) => {
    const label = voiceLabel(cue, options);
    const voice = label ? `<v ${escapeVtt("speaker" in label ? label.speaker : label.channel)}>` : "";
    return `\n${clockTime(cue.start, ".")} --> ${clockTime(cue.end, ".")}\n${voice}${cueText(cue, escapeVtt)}\n`;
  });
  return `WEBVTT\n${cues.join("")}`;
};

function escapeVtt(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** A time that players would obey, of a line or, in the enhanced format, of a word. There are no escapes. */
const LYRICS_TAG = /[[<](\d+:\d+(?:[.:]\d+)?)[\]>]/g;

/** Lyrics; the speaker or channel before a colon, since brackets would be read as a tag. The space is whisper.cpp's. */
export const writeLrc: Writer = (segments, options) => {
  const lines = inOrder(segments.map(timed)).map((segment) => {
    const label = voiceLabel(segment, options);
    const text = singleLine(segment.text);
    const line = label ? `${"speaker" in label ? label.speaker : label.channel}: ${text}` : text;
    return `[${lyricsTime(segment.start / 1000)}] ${line.replace(LYRICS_TAG, "($1)")}\n`;
  });
  return `[re:agora-transcribe]\n${lines.join("")}`;
};
