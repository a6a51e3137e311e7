import { INPUT_URL } from "./ffmpeg-arguments.js";

/** Above the length of the list of decoders, which FFmpeg repeats. */
const LONGEST_LINE = 4000;
const MOST_WARNINGS = 8;
const MOST_UNKNOWN = 3;

/**
 * `[mp3float @ 0x55cff5680140] [error] Header missing` → components, level, text. Components may be nested
 * (`[in#0/mp3 @ 0x…] [mp3 @ 0x…] [error] …`), the innermost last; FFmpeg's own lines have none.
 */
const LINE = /^((?:\[[^\]]*\] )*?)\[(quiet|panic|fatal|error|warning|info|verbose|debug|trace)\] ?(.*)$/;
/** The second line of a message about pictures and video that are not looked at. */
const ADVICE = /^Consider increasing the value for the 'analyzeduration'/;
/**
 * Pictures and video are refused by our own list of decoders: no fault of the recording. The list is long, and some
 * builds of FFmpeg cut lines at 1024 characters, end of line included, so that the next message follows on it.
 */
const NOT_LISTED = /^(?:\[[^\]]*\] )*\[error\] Codec \([^)]*\) not on whitelist '[\w,.]*'?/;
const DURATION = /^ *Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)(?:, start: (-?\d+\.\d+))?/;
/** FFmpeg lets broadcast streams begin with the streams that it decodes, whatever came before in others. */
const START_CORRECTED = /^Correcting start time (?:of Input #\d+ )?by (-?\d+)/;
const STREAM = /^ *Stream #0:\d+(?:\[0x[0-9a-f]+\])?(?:\((\w+)\))?(?:\[0x[0-9a-f]+\])?: (\w+): (\w+)(.*)$/;

/** A stream of sound in the input. */
export interface AudioStream {
  codec: string;
  /** Hz. */
  sampleRate: number | undefined;
  /** As the container has it, e.g. `"rus"`. */
  language: string | undefined;
  /** The container says that players should choose it. */
  isDefault: boolean;
  /** A commentary, or made for people who see or hear less: beside the programme itself. */
  isSecondary: boolean;
}

/** Reads FFmpeg's stderr as it arrives: what the input is, and what went wrong. */
export class FfmpegLog {
  readonly streams: AudioStream[] = [];
  hasVideo = false;
  /** Seconds that the container announces; undefined when FFmpeg only guesses from the bit rate. */
  announcedDuration: number | undefined;
  /** Time of the input's beginning in seconds, which recorders of live streams do not set to 0. */
  start = 0;
  /** Seconds that the file's bytes come to at its bit rate, where the container announces nothing. */
  guessedDuration: number | undefined;
  /** Microseconds of the input before its first sound, which FFmpeg has taken away from all times. */
  #startCorrection = 0;
  /** Settles when all about the input has been read. */
  readonly inputKnown: Promise<void>;
  #tellInput!: () => void;
  #rest = "";
  #aboutInput = true;
  #guessed = false;
  #errors = new Map<string, number>();
  #specific = new Set<string>();
  #unknown: string[] = [];
  #unknownCount = 0;

  constructor() {
    this.inputKnown = new Promise((resolve) => {
      this.#tellInput = resolve;
    });
  }

  /** Seconds that are missing from all times. */
  get startCorrection(): number {
    return this.#startCorrection / 1e6;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split(/[\r\n]+/);
    this.#rest = lines.pop()!.slice(0, LONGEST_LINE);
    for (const line of lines) this.#line(line.slice(0, LONGEST_LINE));
  }

  end(): void {
    if (this.#rest !== "") this.#line(this.#rest);
    this.#rest = "";
    this.#tellInput();
  }

  /** The last error, of a component if there is one: those know more than the program around them. */
  get lastError(): string | undefined {
    const errors = [...this.#errors.keys()];
    return errors.findLast((text) => this.#specific.has(text)) ?? errors.at(-1) ?? this.#unknown.at(-1);
  }

  /** Every error once, with its count; a few of them where there are many. Lines of an unknown form are quoted. */
  warnings(): string[] {
    const entries = [...this.#errors].map(([text, count]) => (count > 1 ? `${text} (${count} times)` : text));
    const more = entries.length - MOST_WARNINGS;
    const shown =
      more > 0 ? [...entries.slice(0, MOST_WARNINGS), `${more} more kinds of decoding errors`] : entries;
    if (this.#unknownCount > 0) {
      const quoted = this.#unknown.map((line) => JSON.stringify(line)).join(", ");
      shown.push(
        `FFmpeg said ${this.#unknownCount === 1 ? "" : `${this.#unknownCount} times `}what is not known here: ${quoted}`,
      );
    }
    return shown;
  }

  hasError(pattern: RegExp): boolean {
    return [...this.#errors.keys(), ...this.#unknown].some((text) => pattern.test(text));
  }

  #line(line: string): void {
    if (line.trim() === "") return;
    const refused = NOT_LISTED.exec(line)?.[0];
    if (refused !== undefined) {
      this.#line(line.slice(refused.length));
      return;
    }
    const match = LINE.exec(line);
    if (!match) {
      if (ADVICE.test(line)) return;
      this.#unknownCount++;
      if (this.#unknown.length < MOST_UNKNOWN) this.#unknown.push(anonymous(line).slice(0, 200));
      return;
    }
    const [, components, level, text = ""] = match;
    if (level === "error" || level === "fatal" || level === "panic") this.#error(components!, text);
    else if (level === "warning" && text.startsWith("Estimating duration")) this.#guessed = true;
    else if (level === "info" && text.startsWith("Output #")) this.#tellInput();
    else if (level === "info" && this.#aboutInput) this.#input(text);
    else if (level === "verbose")
      this.#startCorrection = Number(START_CORRECTED.exec(text)?.[1] ?? this.#startCorrection);
  }

  #input(text: string): void {
    if (text.startsWith("Stream mapping")) this.#aboutInput = false;
    const [, hours, minutes, seconds, start] = DURATION.exec(text) ?? [];
    if (seconds) {
      this.start = Number(start ?? 0);
      const duration = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
      if (this.#guessed) this.guessedDuration = duration;
      else this.announcedDuration = duration;
    }
    const [, language, kind, codec, about = ""] = STREAM.exec(text) ?? [];
    if (kind === "Video" && !about.includes("(attached pic)")) this.hasVideo = true;
    if (kind !== "Audio") return;
    const rate = /, (\d+) Hz/.exec(about)?.[1];
    this.streams.push({
      codec: codec!,
      sampleRate: rate === undefined ? undefined : Number(rate),
      language: language === "und" ? undefined : language,
      isDefault: about.includes("(default)"),
      isSecondary: /\((?:comment|hearing impaired|visual impaired|descriptions)\)/.test(about),
    });
  }

  #error(components: string, text: string): void {
    const component = [...components.matchAll(/\[([^\]@]*?)(?: @ (?:0x)?[0-9a-f]+)?\] /g)]
      .at(-1)?.[1]
      ?.trim();
    const shown = [component, anonymous(text)].filter(Boolean).join(": ");
    if (this.#errors.size < 100 || this.#errors.has(shown)) {
      const count = this.#errors.get(shown) ?? 0;
      this.#errors.delete(shown);
      this.#errors.set(shown, count + 1);
      if (component) this.#specific.add(shown);
    }
  }
}

/** Without paths and addresses of ours. */
function anonymous(text: string): string {
  return text.replaceAll(INPUT_URL, "input").replace(/0x[0-9a-f]{4,}/g, "0x…");
}
