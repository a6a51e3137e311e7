import {
  type DownloadModelOptions,
  downloadModel,
  listModels,
  type ModelListing,
  TranscriptionError,
} from "../../index.js";
import { Forbidden } from "../access.js";
import type { Logger } from "../log.js";
import { type ServerSettings, variableOf } from "../settings.js";
import { cut } from "../text.js";

/** Models that are downloaded at once: they share a line and a disk. */
const AT_ONCE = 2;
const MIB = 1024 ** 2;

/** How far a download is, or how it failed. */
export interface Download {
  /** Bytes that are here, and in all, where that is known. */
  received: number;
  total: number | undefined;
  /** Why it has stopped; undefined: it goes on. */
  error: TranscriptionError | undefined;
}

/** A model that is known by name, and what of it is here. */
export interface KnownModel extends Pick<ModelListing, "name" | "bytes" | "description"> {
  /** What it is for. */
  kind: string;
  /** Name of it. */
  licence: string;
  isHere: boolean;
  /** undefined: nobody has asked for one since the server was started, or it is done. */
  download: Download | undefined;
}

/** A model that is here already, or on its way. */
export class AlreadyThere extends TranscriptionError {
  constructor(message: string) {
    super("INVALID_ARGUMENT", message, { option: "name" });
  }
}

type Settings = Pick<ServerSettings, "cacheDir" | "modelDownloads">;

/** What fetches and lists models. */
interface Library {
  download(name: string, options: DownloadModelOptions): Promise<unknown>;
  list: typeof listModels;
}

/**
 * Downloads of models that somebody asks the server for, where its operator lets them. Of the registry's models alone, each of
 * which has one address and one hash: a client names no address, and gets no file of its own choice here.
 */
export class Downloads {
  readonly #settings: Settings;
  readonly #log: Logger;
  readonly #library: Library;
  readonly #downloads = new Map<string, Download & { stop: AbortController }>();

  constructor(
    settings: Settings,
    log: Logger,
    library: Library = { download: downloadModel, list: listModels },
  ) {
    this.#settings = settings;
    this.#log = log;
    this.#library = library;
  }

  /** Whether the operator lets clients ask for one. */
  get isAllowed(): boolean {
    return this.#settings.modelDownloads;
  }

  /** The registry's models, in its order. */
  async list(): Promise<KnownModel[]> {
    return (await this.#listings()).map(({ bytes, description, kind, licence, name, state }) => ({
      name,
      kind: kind ?? "",
      bytes,
      licence: licence ?? "",
      description,
      isHere: state === "bundled" || state === "cached",
      download: this.#downloads.get(name),
    }));
  }

  /**
   * Has a model downloaded; what is here of it already is gone on with.
   * @throws Forbidden; AlreadyThere; TranscriptionError MODEL_NOT_FOUND, QUEUE_FULL
   */
  async start(name: string): Promise<void> {
    if (!this.isAllowed)
      throw new Forbidden(
        `This server downloads no models for its clients (${variableOf("modelDownloads")}): ` +
          "agora-transcribe models download does",
      );
    const listing = (await this.#listings()).find((each) => each.name === name);
    if (!listing) {
      const message = `Expected the name of a model that can be downloaded but received ${JSON.stringify(cut(name))}`;
      throw new TranscriptionError("MODEL_NOT_FOUND", message, { option: "name" });
    }
    const running = [...this.#downloads.values()].filter(({ error }) => !error).length;
    if (listing.state === "bundled" || listing.state === "cached")
      throw new AlreadyThere(`Model ${name} is here already`);
    if (this.#isRunning(name)) throw new AlreadyThere(`Model ${name} is being downloaded already`);
    if (running >= AT_ONCE)
      throw new TranscriptionError("QUEUE_FULL", `${running} models are being downloaded: try again later`);
    const download = {
      received: listing.bytesOnDisk,
      total: listing.bytes,
      error: undefined,
      stop: new AbortController(),
    };
    this.#downloads.set(name, download);
    void this.#run(name, download);
  }

  /** Stops a download, or forgets how it failed; what is here stays for the next one. @returns whether there was one */
  cancel(name: string): boolean {
    this.#downloads.get(name)?.stop.abort();
    return this.#downloads.delete(name);
  }

  /** Stops them all. */
  close(): void {
    for (const name of [...this.#downloads.keys()]) this.cancel(name);
  }

  #isRunning(name: string): boolean {
    const download = this.#downloads.get(name);
    return download !== undefined && download.error === undefined;
  }

  async #run(name: string, download: Download & { stop: AbortController }): Promise<void> {
    const { stop } = download;
    this.#log.info(`Downloading model ${name}`, { model: name });
    const isOver = () => this.#downloads.get(name) !== download;
    try {
      await this.#library.download(name, {
        ...this.#where,
        signal: stop.signal,
        onProgress: ({ received, total }) => {
          download.received = received;
          download.total = total ?? download.total;
        },
      });
      this.#log.info(`Downloaded model ${name}: ${((download.total ?? 0) / MIB).toFixed(0)} MiB`, {
        model: name,
      });
      if (!isOver()) this.#downloads.delete(name);
    } catch (error) {
      if (stop.signal.aborted) {
        this.#log.info(`Stopped downloading model ${name}`, { model: name });
        return;
      }
      download.error = TranscriptionError.from(error);
      const { code, message } = download.error;
      this.#log.error(`Cannot download model ${name}: ${message}`, { model: name, code });
    }
  }

  async #listings(): Promise<ModelListing[]> {
    const listed = await this.#library.list(this.#where);
    // Conversions and files of unknown origin have nowhere to be fetched from.
    return listed.filter(({ state, licence }) => state !== "unknown" && licence !== undefined);
  }

  get #where(): { cacheDir?: string } {
    const { cacheDir } = this.#settings;
    return cacheDir === undefined ? {} : { cacheDir };
  }
}
