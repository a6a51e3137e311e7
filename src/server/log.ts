export const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"] as const;

export type Level = (typeof LEVELS)[number];

/** Writes messages of one part of the server. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
}

/**
 * Text lines `YYYY-MM-DD HH:MM:SS - Name - LEVEL - message`, in local time.
 * @param write gets each line with its line feed
 */
export function createLog(
  level: Level,
  write: (line: string) => void,
  now: () => Date = () => new Date(),
): (name: string) => Logger {
  const least = LEVELS.indexOf(level);
  return (name) => {
    const at = (level: Level) => (message: string) => {
      if (LEVELS.indexOf(level) < least) return;
      write(`${timestamp(now())} - ${name} - ${level} - ${printable(message)}\n`);
    };
    return { debug: at("DEBUG"), info: at("INFO"), warning: at("WARNING"), error: at("ERROR") };
  };
}

/** `text` quoted, cut at `longest` characters, for names that clients choose. */
export function quoted(text: string, longest = 200): string {
  return JSON.stringify(text.length > longest ? `${text.slice(0, longest)}…` : text);
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
