import { createHash } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EnvHttpProxyAgent } from "undici";
import { cancelled, TranscriptionError } from "../errors.js";
import type { DownloadProgress } from "../types/options.js";
import { isComplete } from "./cache.js";
import { requireConvertible } from "./convert/convertible.js";
import { downloadFile } from "./download.js";
import type { ModelEnvironment } from "./environment.js";
import { getFile, TransferError } from "./http.js";
import { splitHubName } from "./hub-name.js";
import { makeFolder } from "./make-folder.js";
import { retryDelay } from "./retry.js";
import { HUB, tokenFor } from "./secrets.js";
import { storageError } from "./storage-error.js";

/** Of a checkpoint the converters read these, the configurations of base models in folders of their own included. */
const SETTINGS =
  /^([\w-]+\/)?(config|tokenizer|tokenizer_config|preprocessor_config|generation_config|added_tokens|vocab|special_tokens_map|normalizer|vocabulary)\.json$|^(merges|vocabulary)\.txt$/;
const WEIGHTS = [
  /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/,
  /^pytorch_model(-\d+-of-\d+)?\.bin(\.index\.json)?$/,
  // CTranslate2's, as faster-whisper's models have it.
  /^model\.bin$/,
];
/** Files that the Hub keeps in git, not in its large file storage, are at most 10 MB. */
const MOST_GIT_BYTES = 64 << 20;

export interface HubOptions {
  onDownload: ((progress: DownloadProgress) => void) | undefined;
  signal: AbortSignal | undefined;
  /** Whether a checkpoint that tells speakers apart is welcome; it transcribes nothing. */
  speakers?: boolean;
}

/** A file of a repository: large ones have a SHA-256, others the name that git gives their content. */
interface HubFile {
  path: string;
  bytes: number;
  sha256: string | undefined;
  gitBlob: string;
}

/** What is needed of a repository. */
interface Listing {
  revision: string;
  settings: HubFile[];
  weights: HubFile[];
}

/**
 * The folder of a checkpoint on the Hugging Face Hub, in the cache: what the converters read of its newest version,
 * or of the revision that the name ends with.
 * What is there is not fetched again, what was interrupted goes on, and every file is checked against the Hub's hashes.
 * Where its settings are no Whisper or Borealis model's, its weights are not fetched.
 * @throws TranscriptionError MODEL_NOT_FOUND, MODEL_INVALID, CANCELLED
 */
export async function fetchCheckpoint(
  name: string,
  environment: ModelEnvironment,
  { onDownload, signal = new AbortController().signal, speakers = false }: HubOptions,
): Promise<string> {
  if (environment.offline) {
    throw notFound(name, "there is no such folder, and AGORA_OFFLINE forbids downloads");
  }
  const base = environment.mirror ?? HUB;
  const { repository, revision: wanted } = splitHubName(name);
  const fetch = new HubFetch(environment, signal);
  try {
    const listing = await fetch.read(`${base}/api/models/${repository}/revision/${wanted}?blobs=true`);
    const { revision, settings, weights } = parseListing(name, listing);
    const folder = join(
      environment.cacheDirectory,
      "hub",
      dirname(repository),
      revision,
      basename(repository),
    );
    const total = [...settings, ...weights].reduce((sum, { bytes }) => sum + bytes, 0);
    let before = 0;
    const store = async ({ path, bytes, sha256, gitBlob }: HubFile) => {
      const target = join(folder, path);
      const url = `${base}/${repository}/resolve/${revision}/${path}`;
      const onProgress = (received: number) =>
        onDownload?.({ model: name, received: before + received, total });
      if (!(await isComplete({ bytes }, target))) {
        if (sha256) {
          const token = tokenFor(new URL(url), environment);
          const { retry } = environment;
          await downloadFile(
            { name, url, path: target, bytes, sha256 },
            { token, retry, onProgress, signal },
          );
        } else {
          await write(target, checked(name, url, await fetch.read(url), gitBlob));
        }
      }
      before += bytes;
      onProgress(0);
    };
    for (const file of settings) await store(file);
    await requireConvertible(folder, speakers);
    for (const file of weights) await store(file);
    return folder;
  } catch (error) {
    if (signal.aborted) throw cancelled(signal);
    if (error instanceof TransferError) throw notFound(name, `${base} answers: ${error.message}`, error);
    throw error;
  } finally {
    await fetch.close();
  }
}

/** Small files, whole. */
class HubFetch {
  readonly #dispatcher: EnvHttpProxyAgent;

  constructor(
    private readonly environment: ModelEnvironment,
    private readonly signal: AbortSignal,
  ) {
    const milliseconds = environment.retry.stallTimeout * 1000;
    this.#dispatcher = new EnvHttpProxyAgent({ headersTimeout: milliseconds, bodyTimeout: milliseconds });
  }

  /** @throws TransferError */
  async read(url: string): Promise<Buffer> {
    const { retry } = this.environment;
    for (let failures = 1; ; failures++) {
      try {
        return await this.#attempt(new URL(url));
      } catch (error) {
        if (!(error instanceof TransferError) || !error.transient || failures >= retry.attempts) throw error;
        await sleep(retryDelay(retry, failures, error.retryAfter) * 1000, undefined, { signal: this.signal });
      }
    }
  }

  close(): Promise<void> {
    return this.#dispatcher.destroy();
  }

  async #attempt(url: URL): Promise<Buffer> {
    const token = tokenFor(url, this.environment);
    const response = await getFile({
      url,
      headers: {},
      token,
      dispatcher: this.#dispatcher,
      signal: this.signal,
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response.body) {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MOST_GIT_BYTES) throw new TransferError(`more than ${MOST_GIT_BYTES} bytes`, false);
      }
    } finally {
      response.discard();
    }
    return Buffer.concat(chunks);
  }
}

function parseListing(name: string, listing: Buffer): Listing {
  let content: unknown;
  try {
    content = JSON.parse(listing.toString("utf8"));
  } catch (cause) {
    throw notFound(name, "the Hub's answer is no JSON", cause);
  }
  const { sha, siblings } = (content ?? {}) as { sha?: unknown; siblings?: unknown };
  if (typeof sha !== "string" || !/^[0-9a-f]{40}$/.test(sha) || !Array.isArray(siblings)) {
    throw notFound(name, "the Hub's answer lists no files of a revision");
  }
  const files = siblings.flatMap((sibling): HubFile[] => {
    const { rfilename, size, blobId, lfs } = (sibling ?? {}) as Record<string, unknown>;
    const { sha256 } = (lfs ?? {}) as { sha256?: unknown };
    const isFile = typeof rfilename === "string" && Number.isSafeInteger(size) && (size as number) >= 0;
    const hash = sha256 ?? blobId;
    if (!isFile || typeof hash !== "string" || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(hash)) return [];
    return [
      {
        path: rfilename,
        bytes: size as number,
        sha256: hash.length === 64 ? hash : undefined,
        gitBlob: hash,
      },
    ];
  });
  const weights = WEIGHTS.map((pattern) => files.filter(({ path }) => pattern.test(path)));
  const chosen = weights.find((found) => found.length > 0);
  if (!chosen) throw notFound(name, "it has neither model.safetensors, pytorch_model.bin nor model.bin");
  return { revision: sha, settings: files.filter(({ path }) => SETTINGS.test(path)), weights: chosen };
}

/** `content`, when git calls it `gitBlob`. */
function checked(name: string, url: string, content: Buffer, gitBlob: string): Buffer {
  const hash = createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
  if (hash === gitBlob) return content;
  throw new TranscriptionError(
    "MODEL_INVALID",
    `The download of model ${name} from ${url} is damaged: its git hash is ${hash}, expected ${gitBlob}`,
  );
}

async function write(path: string, content: Buffer): Promise<void> {
  const unfinished = `${path}.${process.pid}.partial`;
  try {
    await makeFolder(dirname(path));
    await writeFile(unfinished, content);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw storageError(error, path);
  }
}

function notFound(name: string, reason: string, cause?: unknown): TranscriptionError {
  return new TranscriptionError("MODEL_NOT_FOUND", `Cannot get the checkpoint ${name}: ${reason}`, { cause });
}
