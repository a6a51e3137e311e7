import { cut } from "./text.js";

export const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"] as const;

export type Level = (typeof LEVELS)[number];

/** `text`: lines for people, `json`: an object per line. */
export const LOG_FORMATS = ["text", "json"] as const;

export type LogFormat = (typeof LOG_FORMATS)[number];

/** Writes messages of one part of the server. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
  /** The same for messages about one request, each of which bears its id. */
  about(requestId: string): Logger;
}

/** Characters of one message: enough for the stack of a defect, too little for what a client may send. */
const LONGEST_MESSAGE = 8000;

interface Entry {
  time: Date;
  name: string;
  level: Level;
  requestId: string | undefined;
  message: string;
}

const LAYOUTS: Record<LogFormat, (entry: Entry) => string> = {
  /** `YYYY-MM-DD HH:MM:SS - Name - LEVEL - [request id] message`, in local time. */
  text: ({ time, name, level, requestId, message }) => {
    const text = requestId === undefined ? message : `[${requestId}] ${message}`;
    return `${timestamp(time)} - ${name} - ${level} - ${printable(text)}`;
  },
  /** The same in an object; time in ISO 8601, UTC. */
  json: ({ time, name, level, requestId, message }) =>
    JSON.stringify({ time: time.toISOString(), level, name, request_id: requestId, message }),
};

/**
 * Makes loggers by the names that their lines bear.
 * @param level the least that is written; a function where it may change
 * @param write gets each line with its line feed
 */
export function createLog(
  level: Level | (() => Level),
  write: (line: string) => void,
  format: LogFormat = "text",
  now: () => Date = () => new Date(),
): (name: string) => Logger {
  const least = typeof level === "function" ? level : () => level;
  const layout = LAYOUTS[format];
  const logger = (name: string, requestId?: string): Logger => {
    const at = (level: Level) => (message: string) => {
      if (LEVELS.indexOf(level) >= LEVELS.indexOf(least()))
        write(`${layout({ time: now(), name, level, requestId, message: cut(message, LONGEST_MESSAGE) })}\n`);
    };
    return {
      debug: at("DEBUG"),
      info: at("INFO"),
      warning: at("WARNING"),
      error: at("ERROR"),
      about: (id) => logger(name, id),
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

/** Without control characters, so that nothing a client sends can drive a terminal or pass for a line of its own. */
function printable(message: string): string {
  return message
    .replace(/\r?\n/g, "\n    ")
    .replace(/[^\P{C}\n]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}
