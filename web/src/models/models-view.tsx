import { useEffect, useState } from "preact/hooks";
import {
  type KnownModel,
  knownModels,
  type ServedModel,
  type ServedModels,
  servedModels,
  setDownloading,
  setLoaded,
} from "../server/models.js";
import { useText } from "../text/text.js";
import { DownloadsList } from "./downloads-list.js";

/** Milliseconds between two looks: while something is downloaded, and while nothing is. */
const BUSY = 1000;
const IDLE = 3000;
const MIB = 1024 ** 2;

/** The models that are installed, what of them is in memory, and what puts them there and away. */
export function ModelsView() {
  const text = useText();
  const [served, setServed] = useState<ServedModels>();
  const [known, setKnown] = useState<readonly KnownModel[]>([]);
  const [mayDownload, setMayDownload] = useState(false);
  const [changing, setChanging] = useState<string>();
  const [refusal, setRefusal] = useState<string>();
  const [looks, setLooks] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      const [now, all] = await Promise.all([
        servedModels(stop.signal).catch(() => undefined),
        knownModels(stop.signal).catch(() => undefined),
      ]);
      if (stop.signal.aborted) return;
      if (now) setServed(now);
      if (all) {
        setKnown(all.models);
        setMayDownload(all.downloads);
      }
      const isBusy = all?.models.some(({ download }) => download !== null && download.error === null);
      timer = setTimeout(look, isBusy ? BUSY : IDLE);
    };
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [looks]);
  if (!served) return null;
  const change = async (name: string, work: Promise<void>) => {
    setChanging(name);
    setRefusal(undefined);
    await work.catch((error: Error) => setRefusal(error.message || text.say("serverGone")));
    setChanging(undefined);
    setLooks((count) => count + 1);
  };
  const missing = known.filter(({ installed }) => !installed);
  const mib = (bytes: number) => text.say("mib", { value: Math.round(bytes / MIB) });
  return (
    <section class="dashboard" aria-label={text.say("models")}>
      <p class="quiet">
        {served.mostMemory === undefined
          ? mib(served.memory)
          : text.say("memoryOf", { used: mib(served.memory), most: mib(served.mostMemory) })}
      </p>
      {refusal && (
        <p class="notice" role="alert">
          {refusal}
        </p>
      )}
      <ul class="models">
        {served.models.map((model) => (
          <li class="row" key={model.name}>
            <span class="name" title={model.aliases.join(", ")}>
              {model.name}
            </span>
            <span class="state">{stateOf(model, text, mib)}</span>
            <span class="actions">
              <button
                type="button"
                disabled={changing !== undefined}
                onClick={() => void change(model.name, setLoaded(model.name, !model.isLoaded))}
              >
                {changing === model.name ? text.say("wait") : text.say(model.isLoaded ? "unload" : "load")}
              </button>
            </span>
          </li>
        ))}
      </ul>
      {mayDownload ? (
        missing.length > 0 && (
          <>
            <h2>{text.say("toDownload")}</h2>
            <DownloadsList
              models={missing}
              onDownload={({ name }, isDownloading) => void change(name, setDownloading(name, isDownloading))}
            />
          </>
        )
      ) : (
        <p class="quiet">
          {text.say("modelsHint")} <code>agora-transcribe models download large-v3-turbo</code>
        </p>
      )}
    </section>
  );
}

function stateOf(
  { expiresAt, isLoaded, languages, memory, requests }: ServedModel,
  text: ReturnType<typeof useText>,
  mib: (bytes: number) => string,
): string {
  const parts = [text.say(isLoaded ? "inMemory" : "onDisk")];
  if (memory !== undefined) parts.push(mib(memory));
  if (requests > 0) parts.push(text.count("requestsCount", requests));
  if (expiresAt !== undefined) {
    const time = new Date(expiresAt * 1000).toLocaleTimeString(text.language, { timeStyle: "short" });
    parts.push(text.say("goesAt", { time }));
  }
  if (languages !== undefined) parts.push(text.count("languagesCount", languages));
  return parts.join(" · ");
}
