import { INPUT_URL } from "./ffmpeg-arguments.js";

const LONGEST_LINE = 1000;
const MOST_WARNINGS = 8;

/** `[mp3float @ 0x55cff5680140] [error] Header missing` → component, level, text. */
const LINE = /^(?:\[([^\]@]*?)(?: @ 0x[0-9a-f]+)?\] )?\[(info|warning|error|fatal|panic)\] ?(.*)$/;
const DURATION = /^ {2}Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)/;
const AUDIO_STREAM = /^ {2}Stream #0:\d+\S*: Audio: (\w+)(?:.*?, (\d+) Hz)?/;

/** Reads FFmpeg's stderr as it arrives: what the input is, and what went wrong. */
export class FfmpegLog {
  codec: string | undefined;
  sampleRate: number | undefined;
  /** Seconds that the container announces; undefined when FFmpeg only guesses from the bit rate. */
  announcedDuration: number | undefined;
  audioStreams = 0;
  #rest = "";
  #aboutInput = true;
  #guessed = false;
  #errors = new Map<string, number>();
  #specific = new Set<string>();

  push(text: string): void {
    const lines = (this.#rest + text).split(/[\r\n]+/);
    this.#rest = lines.pop()!.slice(0, LONGEST_LINE);
    for (const line of lines) this.#line(line.slice(0, LONGEST_LINE));
  }

  /** The last error, of a component if there is one: those know more than the program around them. */
  get lastError(): string | undefined {
    const errors = [...this.#errors.keys()];
    return errors.findLast((text) => this.#specific.has(text)) ?? errors.at(-1);
  }

  /** Every error once, with its count; a few of them where there are many. */
  warnings(): string[] {
    const entries = [...this.#errors].map(([text, count]) => (count > 1 ? `${text} (${count} times)` : text));
    const more = entries.length - MOST_WARNINGS;
    return more > 0 ? [...entries.slice(0, MOST_WARNINGS), `${more} more kinds of decoding errors`] : entries;
  }

  hasError(pattern: RegExp): boolean {
    return [...this.#errors.keys()].some((text) => pattern.test(text));
  }

  #line(line: string): void {
    const [, component, level, text = ""] = LINE.exec(line) ?? [];
    if (level === "error" || level === "fatal" || level === "panic") this.#error(component, text);
    else if (level === "warning" && text.startsWith("Estimating duration")) this.#guessed = true;
    else if (level === "info" && this.#aboutInput) this.#input(text);
  }

  #input(text: string): void {
    if (text.startsWith("Stream mapping") || text.startsWith("Output #")) this.#aboutInput = false;
    const [, hours, minutes, seconds] = DURATION.exec(text) ?? [];
    if (seconds && !this.#guessed) {
      this.announcedDuration = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
    }
    const stream = AUDIO_STREAM.exec(text);
    if (!stream || this.audioStreams++ > 0) return;
    this.codec = stream[1];
    this.sampleRate = stream[2] === undefined ? undefined : Number(stream[2]);
  }

  #error(component: string | undefined, text: string): void {
    // Pictures and video are refused by our own list of decoders: no fault of the recording.
    if (/^Codec \(.*\) not on whitelist/.test(text)) return;
    const shown = [component?.trim(), text.replaceAll(INPUT_URL, "input").replace(/0x[0-9a-f]{4,}/g, "0x…")]
      .filter(Boolean)
      .join(": ");
    if (this.#errors.size < 100 || this.#errors.has(shown)) {
      const count = this.#errors.get(shown) ?? 0;
      this.#errors.delete(shown);
      this.#errors.set(shown, count + 1);
      if (component) this.#specific.add(shown);
    }
  }
}
