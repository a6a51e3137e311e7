import { join } from "node:path";
import { type Correction, TranscriptionError, type TranscriptionResult } from "../../../index.js";
import { S3Objects } from "../../objects/s3-objects.js";
import { DirectoryStore } from "../../recordings/directory-store.js";
import { S3Store } from "../../recordings/s3-store.js";
import type { RecordingStore } from "../../recordings/store.js";
import { parseStoreAddress } from "../../recordings/store-address.js";
import { type ServerSettings, variableOf } from "../../settings.js";
import { CorrectionStore } from "../corrections.js";
import type { JobRole, JobStorage } from "../job-storage.js";
import { JsonFolder, type JsonStore } from "../json-folder.js";
import { JsonObjects } from "../json-objects.js";
import { deleteOrphans, deleteUnused } from "../leftovers.js";
import type { JobStore } from "../store.js";
import { openBroker } from "./broker.js";
import { BrokerStore } from "./broker-store.js";

const RECORDINGS = "recordings";
const RESULTS = "results";
const CORRECTIONS = "corrections";
/** Milliseconds after which what no job needs is nobody's: a younger one's job may be about to be kept. */
const FORGOTTEN = 24 * 60 * 60 * 1000;

/** Where recordings and results are that all machines reach. */
interface SharedFiles {
  recordings: RecordingStore;
  results: JsonStore<TranscriptionResult>;
  corrections: JsonStore<readonly Correction[]>;
  /** Deletes what was left over by servers and workers that have ended. */
  sweep(store: JobStore): Promise<void>;
  close(): void;
}

/**
 * A queue, and the store of what is in none: recordings and results.
 * @throws TranscriptionError STORAGE_FAILED where the queue is not reached, INVALID_ARGUMENT where a package is missing
 */
export async function openSharedStorage(
  settings: ServerSettings,
  role: JobRole,
  onTrouble: (error: TranscriptionError) => void,
): Promise<JobStorage> {
  const { jobsMaxAttempts, jobsMaxBytes, jobsTtl, queueLock, queueMaxWaiting, queueUrl } = settings;
  const files = await openFiles(settings);
  try {
    const broker = await openBroker(queueUrl!, onTrouble, role === "server");
    const store = new BrokerStore(broker, {
      maxWaiting: queueMaxWaiting,
      // The stores count what came through this server alone, and workers delete.
      maxBytes: jobsMaxBytes,
      fullOfBytes: `The jobs that wait take all the room that they may (${variableOf("jobsMaxBytes")}, ${jobsMaxBytes} bytes); try again later`,
      full: `${queueMaxWaiting} jobs are waiting, the most that ${variableOf("queueMaxWaiting")} allows; try again later`,
      maxAttempts: jobsMaxAttempts,
      ttl: jobsTtl,
      lock: queueLock,
      segmentsOf: async (id) => (await files.results.get(id))?.segments ?? [],
      onTrouble,
    });
    if (role === "server") void files.sweep(store).catch(() => {});
    return {
      store,
      recordings: files.recordings,
      results: files.results,
      corrections: new CorrectionStore(files.corrections),
      setAside: [],
      close: async () => {
        await store.close();
        files.close();
      },
    };
  } catch (error) {
    files.close();
    throw error;
  }
}

async function openFiles({ idleTimeout, queueStore = "" }: ServerSettings): Promise<SharedFiles> {
  const variable = variableOf("queueStore");
  const address = parseStoreAddress(queueStore);
  const forever = Number.POSITIVE_INFINITY;
  switch (address?.kind) {
    case "folder": {
      const under = (name: string) => join(address.path, name);
      const recordings = new DirectoryStore(under(RECORDINGS), forever, forever, variable);
      const results = new JsonFolder<TranscriptionResult>(under(RESULTS), RESULTS);
      const corrections = new JsonFolder<readonly Correction[]>(under(CORRECTIONS), CORRECTIONS);
      return {
        recordings,
        results,
        corrections,
        sweep: async (store) => {
          await deleteUnused(under(RECORDINGS), store, recordings, FORGOTTEN);
          await deleteOrphans(under(RESULTS), store, results, FORGOTTEN);
          await deleteOrphans(under(CORRECTIONS), store, corrections, FORGOTTEN);
        },
        close: () => recordings.close(),
      };
    }
    case "s3": {
      const objects = await S3Objects.open({ ...address, idleTimeout }, variable);
      const under = (name: string) => `${address.prefix}${name}/`;
      return {
        // Closes the objects, too.
        recordings: new S3Store(objects, under(RECORDINGS), forever, forever),
        results: new JsonObjects(objects, under(RESULTS), RESULTS),
        corrections: new JsonObjects(objects, under(CORRECTIONS), CORRECTIONS),
        // A rule of the bucket's life cycle does that.
        sweep: async () => {},
        close: () => objects.close(),
      };
    }
    default:
      throw new TranscriptionError("INVALID_ARGUMENT", `${variable} names no folder, and no bucket`);
  }
}
