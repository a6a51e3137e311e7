import { cut } from "./text.js";

export const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"] as const;

export type Level = (typeof LEVELS)[number];

/** `text`: lines for people, `json`: an object per line. */
export const LOG_FORMATS = ["text", "json"] as const;

export type LogFormat = (typeof LOG_FORMATS)[number];

/** What a message says, for programs: numbers in the units that their names say. In `json` alone. */
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes messages of one part of the server. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warning(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** The same for messages about one request, each of which bears its id and these fields. */
  about(requestId: string, fields?: Fields): Logger;
}

/** What a line of the log is about, and what it says in fields, by the names of `Fields`. */
export interface LogFields extends Fields {
  /** Part of the server: `"Server"`, `"TranscriptionService"`. */
  name: string;
  /** Id of the request. */
  requestId?: string;
}

/** What `console` and most logging libraries have; levels of their own are theirs. */
export interface ServerLogger {
  /** What only a search for a fault needs. */
  debug(message: string, fields: LogFields): void;
  /** What happens. */
  info(message: string, fields: LogFields): void;
  /** What is odd, or went wrong for one caller. */
  warn(message: string, fields: LogFields): void;
  /** What keeps the server from working. */
  error(message: string, fields: LogFields): void;
}

/** Where the log goes: whole lines with their line feed, or messages. */
export type LogDestination = ((line: string) => void) | ServerLogger;

/** Characters of one message: enough for the stack of a defect, too little for what a client may send. */
const LONGEST_MESSAGE = 8000;

interface Entry {
  time: Date;
  name: string;
  level: Level;
  requestId: string | undefined;
  message: string;
  fields: Fields;
}

const LAYOUTS: Record<LogFormat, (entry: Entry) => string> = {
  /** `YYYY-MM-DD HH:MM:SS - Name - LEVEL - [request id] message`, in local time. */
  text: ({ time, name, level, requestId, message }) => {
    const text = requestId === undefined ? message : `[${requestId}] ${message}`;
    return `${timestamp(time)} - ${name} - ${level} - ${printable(text)}`;
  },
  /** The same in an object, with the fields beside; time in ISO 8601, UTC. */
  json: ({ time, name, level, requestId, message, fields }) =>
    escaped(
      JSON.stringify({
        time: time.toISOString(),
        level,
        name,
        request_id: requestId,
        message,
        ...fields,
      }),
    ),
};

const METHODS = { DEBUG: "debug", INFO: "info", WARNING: "warn", ERROR: "error" } as const;

/** What writes entries to `destination`. Lines are laid out by `format`, and whoever logs messages lays out their own. */
function writerTo(destination: LogDestination, format: LogFormat): (entry: Entry) => void {
  if (typeof destination === "function") {
    const layout = LAYOUTS[format];
    return (entry) => destination(`${layout(entry)}\n`);
  }
  return ({ fields, level, message, name, requestId }) =>
    destination[METHODS[level]](printable(message), {
      ...fields,
      name,
      ...(requestId !== undefined && { requestId }),
    });
}

/**
 * Makes loggers by the names that their lines bear.
 * @param level the least that is written; a function where it may change
 */
export function createLog(
  level: Level | (() => Level),
  destination: LogDestination,
  format: LogFormat = "text",
  now: () => Date = () => new Date(),
): (name: string) => Logger {
  const least = typeof level === "function" ? level : () => level;
  const write = writerTo(destination, format);
  const logger = (name: string, requestId?: string, common: Fields = {}): Logger => {
    const at =
      (level: Level) =>
      (message: string, fields: Fields = {}) => {
        if (LEVELS.indexOf(level) < LEVELS.indexOf(least())) return;
        const entry = { time: now(), name, level, requestId, message: cut(message, LONGEST_MESSAGE) };
        const all = Object.entries({ ...common, ...fields }).map(([key, value]) => [key, shown(value)]);
        write({ ...entry, fields: Object.fromEntries(all) });
      };
    return {
      debug: at("DEBUG"),
      info: at("INFO"),
      warning: at("WARNING"),
      error: at("ERROR"),
      about: (id, fields) => logger(name, id, fields),
    };
  };
  return (name) => logger(name);
}

/** `text` quoted and {@link cut}, for names that clients choose. */
export function quoted(text: string): string {
  return JSON.stringify(cut(text));
}

function timestamp(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`;
}

/** Texts at a bounded length, numbers to the thousandth. */
function shown(value: Fields[string]): Fields[string] {
  if (typeof value === "string") return cut(value);
  return typeof value === "number" ? Math.round(value * 1000) / 1000 : value;
}

/** Without control characters, so that nothing a client sends can drive a terminal or pass for a line of its own. */
function printable(message: string): string {
  return message
    .replace(/\r?\n/g, "\n    ")
    .replace(/[^\P{C}\n]|[\u2028\u2029]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** JSON leaves control characters above U+007E as they are, and marks that turn the direction of writing. */
function escaped(json: string): string {
  return json.replace(/[\p{C}\u2028\u2029]/gu, (character) =>
    Array.from({ length: character.length }, (_, i) => character.charCodeAt(i))
      .map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
