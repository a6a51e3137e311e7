import type { OutputStream } from "./context.js";
import { OutputClosed, OutputFailed } from "./exit.js";
import { printable } from "./printable.js";

/** How often the status line is drawn, in milliseconds. */
const DRAW_INTERVAL = 100;

export interface Verbosity {
  quiet?: boolean;
  verbose?: boolean;
}

/**
 * The one writer of both output streams: results to stdout, all else to stderr. Keeps a status line at the bottom
 * of a terminal, and out of the way of what is written meanwhile.
 */
export class Terminal {
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #verbosity: Verbosity;
  #status: (() => string) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(stdout: OutputStream, stderr: OutputStream, verbosity: Verbosity = {}) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#verbosity = verbosity;
  }

  get stdoutIsTerminal(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** Whether progress is to be seen. */
  get showsStatus(): boolean {
    return this.#stderr.isTTY === true && !this.isQuiet;
  }

  /** Characters in a line of where the status is shown. */
  get columns(): number {
    return this.#stderr.columns ?? 80;
  }

  get isQuiet(): boolean {
    return this.#verbosity.quiet === true;
  }

  /**
   * Writes a result to stdout and waits until it is handed over, so that memory stays bounded and nothing is lost
   * at exit.
   * @throws OutputClosed when nobody reads any more, OutputFailed when it cannot be written
   */
  print(text: string): Promise<void> {
    this.#clear();
    return new Promise((resolve, reject) => {
      // What is piped on keeps every byte; the formats have escapes of their own.
      this.#stdout.write(this.stdoutIsTerminal ? printable(text) : text, (error) => {
        if (!error) resolve();
        else if (isClosed(error)) reject(new OutputClosed(error.message, { cause: error }));
        else reject(new OutputFailed(`Cannot write to standard output: ${error.message}`, { cause: error }));
      });
    });
  }

  /** Always shown. */
  error(message: string): void {
    this.#line(message);
  }

  /** Shown unless `--quiet`. */
  note(message: string): void {
    if (!this.isQuiet) this.#line(message);
  }

  /** Shown on a terminal unless `--quiet`, and with `--verbose`. */
  summary(message: string): void {
    if (this.showsStatus || this.#verbosity.verbose) this.#line(message);
  }

  /** Shown with `--verbose`. */
  detail(message: string): void {
    if (this.#verbosity.verbose) this.#line(message);
  }

  /** Keeps drawing what `render` returns on the last line of the terminal; no status where stderr is none. */
  showStatus(render: () => string): void {
    if (!this.showsStatus) return;
    this.hideStatus();
    this.#status = render;
    this.#timer = setInterval(() => this.#draw(), DRAW_INTERVAL).unref();
    this.#draw();
  }

  hideStatus(): void {
    clearInterval(this.#timer);
    this.#clear();
    this.#status = undefined;
  }

  #line(message: string): void {
    this.#clear();
    this.#stderr.write(`${printable(message)}\n`);
    this.#draw();
  }

  #draw(): void {
    // Without automatic margins (DECAWM off) a line that is too long is cut and not wrapped.
    if (this.#status) this.#stderr.write(`\r\x1b[K\x1b[?7l${printable(this.#status())}\x1b[?7h`);
  }

  #clear(): void {
    if (this.#status) this.#stderr.write("\r\x1b[K");
  }
}

function isClosed(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED" || code === "ECONNRESET";
}
