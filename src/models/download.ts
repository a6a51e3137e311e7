import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Dispatcher, EnvHttpProxyAgent } from "undici";
import { cancelled, TranscriptionError } from "../errors.js";
import { formatBytes } from "./bytes.js";
import { isComplete } from "./cache.js";
import { hashFile } from "./hash.js";
import { type FileResponse, getFile, TransferError } from "./http.js";
import { withLock } from "./lock.js";
import { makeFolder } from "./make-folder.js";
import { PartialFile, writeAll } from "./partial-file.js";
import { type RetryPolicy, retryDelay } from "./retry.js";
import { notStored, storageError } from "./storage-error.js";

/** Progress of at least this much makes a broken transfer count as the first failure again. */
const PROGRESS_BYTES = 1 << 20;

/** A file to fetch: what is known about it beforehand. */
export interface RemoteFile {
  /** For messages. */
  name: string;
  url: string;
  /** Where it goes. */
  path: string;
  bytes: number;
  sha256: string;
}

export interface DownloadFileOptions {
  /** Sent to the server of the URL alone, and only once it has answered 401. */
  token: string | undefined;
  retry: RetryPolicy;
  /** Called with the bytes that are there, resumed ones included. */
  onProgress?: ((received: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Fetches a file over HTTP: goes on with what an earlier run left, tries again after network failures, checks
 * the SHA-256 and moves the file into place in one step. Of several processes that want the same file one
 * fetches it and the others wait. Proxies are taken from `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
 * @throws TranscriptionError MODEL_NOT_FOUND (refused, unreachable, no room), MODEL_INVALID (the server has
 * another file), CANCELLED; what was received is kept, unless its hash is wrong
 */
export async function downloadFile(file: RemoteFile, options: DownloadFileOptions): Promise<void> {
  try {
    await makeFolder(dirname(file.path));
    await withLock(file.path, { wait: true, signal: options.signal }, async (signal) => {
      if (await isComplete(file, file.path)) return;
      await new Download(file, options, signal).run();
    });
  } catch (error) {
    if (options.signal?.aborted) throw cancelled(options.signal);
    throw storageError(error, file.path);
  }
}

class Download {
  readonly #partial: PartialFile;
  readonly #dispatcher: Dispatcher;
  #failures = 0;

  constructor(
    private readonly file: RemoteFile,
    private readonly options: DownloadFileOptions,
    private readonly signal: AbortSignal,
  ) {
    this.#partial = new PartialFile(file.path, file.sha256);
    const milliseconds = options.retry.stallTimeout * 1000;
    this.#dispatcher = new EnvHttpProxyAgent({ headersTimeout: milliseconds, bodyTimeout: milliseconds });
  }

  async run(): Promise<void> {
    try {
      let startedOver = false;
      for (;;) {
        const { offset, etag } = await this.#partial.resumePoint(this.file.bytes);
        const sha256 = await this.#attempt(offset, etag);
        if (sha256 === undefined) continue;
        if (sha256 === this.file.sha256) return await this.#partial.publish();
        await this.#partial.discard();
        // The part of an earlier run may have been what was wrong: once more without it.
        if (offset === 0 || startedOver) throw this.#wrongHash(sha256);
        startedOver = true;
      }
    } finally {
      await this.#dispatcher.destroy();
    }
  }

  /** One transfer: the hash of the complete file, or undefined when it is to be tried again after a pause. */
  async #attempt(offset: number, etag: string | null): Promise<string | undefined> {
    const progress = { received: offset };
    try {
      return await this.#transfer(offset, etag, progress);
    } catch (error) {
      if (this.signal.aborted) throw cancelled(this.signal);
      if (!(error instanceof TransferError)) throw error;
      this.#failures = progress.received - offset >= PROGRESS_BYTES ? 1 : this.#failures + 1;
      if (!error.transient || this.#failures >= this.options.retry.attempts) throw this.#unavailable(error);
      const seconds = retryDelay(this.options.retry, this.#failures, error.retryAfter);
      await sleep(seconds * 1000, undefined, { signal: this.signal });
      return undefined;
    }
  }

  async #transfer(
    offset: number,
    etag: string | null,
    progress: { received: number },
  ): Promise<string | undefined> {
    if (offset === this.file.bytes) {
      return (await hashFile(this.#partial.path, offset, this.signal)).digest("hex");
    }
    await this.#requireSpace(offset);
    const response = await this.#request(offset, etag);
    try {
      if (response.status === 416) {
        await this.#partial.discard();
        throw new TransferError(
          `the server has nothing from byte ${offset} on (HTTP status 416)`,
          offset > 0,
        );
      }
      const start = response.status === 206 ? offset : 0;
      this.#checkExtent(response, start);
      return await this.#store(response, start, progress);
    } finally {
      response.discard();
    }
  }

  #request(offset: number, etag: string | null): Promise<FileResponse> {
    const headers: Record<string, string> = {};
    if (offset > 0) {
      headers.range = `bytes=${offset}-`;
      // A server whose file has changed then answers with the whole of the new one.
      if (etag) headers["if-range"] = etag;
    }
    const { token } = this.options;
    const url = new URL(this.file.url);
    return getFile({ url, headers, token, dispatcher: this.#dispatcher, signal: this.signal });
  }

  /** Refuses another file before it is transferred: an error page, a newer version, a wrong range. */
  #checkExtent({ status, headers }: FileResponse, start: number): void {
    const { bytes } = this.file;
    if (status === 206) {
      const range = headers["content-range"];
      const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(String(range)) ?? [];
      if (Number(first) !== start || (total !== "*" && Number(total) !== bytes)) {
        throw this.#otherFile(
          `Content-Range ${JSON.stringify(range)}, expected bytes ${start}-${bytes - 1}/${bytes}`,
        );
      }
    } else if (headers["content-length"] !== undefined && Number(headers["content-length"]) !== bytes) {
      throw this.#otherFile(`a file of ${headers["content-length"]} bytes, expected ${bytes}`);
    }
  }

  async #store(response: FileResponse, start: number, progress: { received: number }): Promise<string> {
    const { bytes } = this.file;
    const hash = await hashFile(this.#partial.path, start, this.signal);
    const output = await this.#partial.open(start, strongEtag(response));
    progress.received = start;
    try {
      this.options.onProgress?.(start);
      for await (const chunk of response.body) {
        if (progress.received + chunk.length > bytes)
          throw this.#otherFile(`more than the expected ${bytes} bytes`);
        await writeAll(output, chunk, progress.received);
        hash.update(chunk);
        progress.received += chunk.length;
        this.options.onProgress?.(progress.received);
      }
      await output.sync();
    } finally {
      await output.close();
    }
    if (progress.received < bytes)
      throw new TransferError(`the connection ended after ${progress.received} of ${bytes} bytes`, true);
    return hash.digest("hex");
  }

  async #requireSpace(offset: number): Promise<void> {
    const folder = dirname(this.file.path);
    const { blocks, bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const needed = this.file.bytes - offset;
    // File systems that do not count report no blocks at all.
    if (blocks === 0 || free >= needed) return;
    throw notStored(
      `Not enough space for model ${this.file.name} in ${folder}: ${formatBytes(needed)} needed, ` +
        `${formatBytes(free)} free. Free some space or set AGORA_CACHE_DIR to a folder on another disk`,
    );
  }

  #unavailable(error: TransferError): TranscriptionError {
    const tries = this.#failures > 1 ? ` (tried ${this.#failures} times)` : "";
    return new TranscriptionError(
      "MODEL_NOT_FOUND",
      `Could not download model ${this.file.name} from ${this.file.url}: ${error.message}${tries}`,
      { cause: error },
    );
  }

  #otherFile(what: string): TranscriptionError {
    return new TranscriptionError(
      "MODEL_INVALID",
      `${this.file.url} is not the file of model ${this.file.name}: it has ${what}`,
    );
  }

  #wrongHash(sha256: string): TranscriptionError {
    return new TranscriptionError(
      "MODEL_INVALID",
      `The download of model ${this.file.name} from ${this.file.url} is damaged and was deleted: ` +
        `its SHA-256 is ${sha256}, expected ${this.file.sha256}`,
    );
  }
}

/** Weak validators (`W/`) must not be used with ranges, RFC 9110 section 13.1.5. */
function strongEtag({ headers }: FileResponse): string | null {
  const { etag } = headers;
  return typeof etag === "string" && etag.startsWith('"') ? etag : null;
}
