import type { DownloadProgress, Progress } from "../index.js";
import { formatBytes, formatDuration, formatSpeed } from "./units.js";

const BAR_WIDTH = 24;

/**
 * ` 43 % ██████░░░░░░  5:10 / 12:00  18×  0:22 left  call.mp3`
 * @param waiting what stands before the label while there is no progress
 */
export function transcriptionStatus(
  progress: Progress | undefined,
  label: string,
  waiting = "starting",
): string {
  if (!progress) return joined(waiting, label);
  const { processed, total, speedFactor } = progress;
  const speed = speedFactor > 0 ? formatSpeed(speedFactor) : "";
  if (!total) return joined(formatDuration(processed), speed, label);
  const left = speedFactor > 0 ? `${formatDuration((total - processed) / speedFactor)} left` : "";
  const position = `${formatDuration(processed)} / ${formatDuration(total)}`;
  return joined(bar(processed / total), position, speed, left, label);
}

/** The state of several files, of which some are being transcribed at once. */
export class FilesStatus {
  readonly #total: number;
  readonly #waiting: string | undefined;
  readonly #running = new Map<number, { name: string; progress?: Progress }>();
  readonly #done = new Set<number>();

  /**
   * @param total files in all
   * @param waiting what is said of a file of which no progress is known
   */
  constructor(total: number, waiting?: string) {
    this.#total = total;
    this.#waiting = waiting;
  }

  begin(index: number, name: string): void {
    this.#running.set(index, { name });
  }

  report(index: number, progress: Progress): void {
    const file = this.#running.get(index);
    if (file) file.progress = progress;
  }

  end(index: number): void {
    this.#running.delete(index);
    this.#done.add(index);
  }

  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  /** One file as {@link transcriptionStatus}, several as ` 43 % ██████░░░░░░  12 / 40 files  18×  call.mp3 and 3 more` */
  render(): string {
    const files = [...this.#running];
    const [first] = files;
    if (!first) return "";
    const [index, { name, progress }] = first;
    if (files.length === 1) {
      const label = this.#total > 1 ? `[${index + 1}/${this.#total}] ${name}` : name;
      return transcriptionStatus(progress, label, this.#waiting);
    }
    const parts = files.map(([, file]) =>
      file.progress?.total ? file.progress.processed / file.progress.total : 0,
    );
    const done = this.#done.size + parts.reduce((sum, part) => sum + Math.min(1, part), 0);
    const speed = files.reduce((sum, [, file]) => sum + (file.progress?.speedFactor ?? 0), 0);
    return joined(
      bar(done / this.#total),
      `${this.#done.size} / ${this.#total} files`,
      speed > 0 ? formatSpeed(speed) : "",
      `${name} and ${files.length - 1} more`,
    );
  }
}

/** Speed and time left of one download, measured from the first report so that a resumed part does not count. */
export class DownloadStatus {
  #first: { received: number; time: number } | undefined;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** ` 43 % ██████░░░░░░  247 MB / 574 MB  12 MB/s  0:27 left  large-v3-turbo-q5_0` */
  render({ model, received, total, converted }: DownloadProgress): string {
    if (converted !== undefined) return joined(bar(converted), `converting ${model}`);
    const time = this.now();
    this.#first ??= { received, time };
    const seconds = (time - this.#first.time) / 1000;
    const rate = seconds > 0 ? (received - this.#first.received) / seconds : 0;
    const speed = rate > 0 ? `${formatBytes(rate)}/s` : "";
    if (!total) return joined(formatBytes(received), speed, model);
    const left = rate > 0 ? `${formatDuration((total - received) / rate)} left` : "";
    return joined(
      bar(received / total),
      `${formatBytes(received)} / ${formatBytes(total)}`,
      speed,
      left,
      model,
    );
  }
}

/** ` 43 % ██████░░░░░░`; never more than full, however wrong a header was about the length. */
export function bar(fraction: number): string {
  const share = Math.min(1, Math.max(0, fraction));
  const filled = Math.round(share * BAR_WIDTH);
  const percent = String(Math.floor(share * 100)).padStart(3);
  return `${percent} % ${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}`;
}

function joined(...parts: string[]): string {
  return parts.filter((part) => part !== "").join("  ");
}
