import { useEffect, useState } from "preact/hooks";
import { CallView } from "./call/call-view.js";
import { Dashboard } from "./dashboard/dashboard.js";
import { LiveView } from "./live/live-view.js";
import { useLive } from "./live/use-live.js";
import { ModelsView } from "./models/models-view.js";
import { Queue } from "./queue/queue.js";
import { useJobs } from "./queue/use-jobs.js";
import { Settings } from "./settings.js";
import { initialLanguage, Text, TextContext } from "./text/text.js";
import { TokenForm } from "./token-form.js";

/** The page: the queue, and beside it the recording that is open. */
export function App() {
  const [language, setLanguage] = useState(initialLanguage);
  const text = new Text(language);
  const opened = useOpened();
  const jobs = useJobs(opened.job);
  const live = useLive((file, choices) => jobs.add([file], choices));
  const job = jobs.all.find(({ id }) => id === opened.job);
  useEffect(() => {
    document.documentElement.lang = language;
    document.title = job ? `${job.filename} – agora-transcribe` : `${text.say("title")} – agora-transcribe`;
  }, [language, job?.filename]);
  return (
    <TextContext.Provider value={text}>
      <header class="top">
        <h1>
          <a class="home" href="#/">
            <img src="/icon.svg" alt="" width="28" height="28" /> agora-transcribe
          </a>
        </h1>
        <nav class="tabs">
          {(Object.keys(VIEWS) as View[]).map((view) => (
            <a key={view} href={`#/${view}`} aria-current={opened.view === view ? "page" : undefined}>
              {text.say(VIEWS[view])}
              {view === "live" && live.state === "listening" && <span class="recording"> ●</span>}
            </a>
          ))}
        </nav>
        <Settings language={language} onLanguage={setLanguage} />
      </header>
      {jobs.state === "gone" && (
        <p class="notice" role="alert">
          {text.say("serverGone")}
        </p>
      )}
      {jobs.state === "locked" ? (
        <TokenForm onEntered={jobs.refresh} />
      ) : opened.view === "live" ? (
        <main>
          <LiveView live={live} />
        </main>
      ) : opened.view === "models" ? (
        <main>
          <ModelsView />
        </main>
      ) : opened.view === "server" ? (
        <main>
          <Dashboard />
        </main>
      ) : (
        <main class={job ? "columns has-opened" : "columns"}>
          <Queue jobs={jobs} opened={opened.job} />
          {job && <CallView key={job.id} job={job} file={jobs.files.get(job.id)} at={opened.at} />}
        </main>
      )}
    </TextContext.Provider>
  );
}

/** Tabs, by what their addresses end with. */
const VIEWS = { "": "recordings", live: "microphone", server: "dashboard", models: "models" } as const;
type View = keyof typeof VIEWS;

interface Opened {
  job: string | undefined;
  /** Seconds. */
  at: number | undefined;
  /** Which of the tabs. */
  view: View;
}

/** What the address names: `#job_…`, and `@12.3` for a moment in it, or `#/server`. */
function useOpened(): Opened {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const listener = () => setHash(location.hash);
    addEventListener("hashchange", listener);
    return () => removeEventListener("hashchange", listener);
  }, []);
  const [, job, at] = /^#(job_\w+)(?:@([\d.]+))?$/.exec(hash) ?? [];
  const view = hash.slice(2) as View;
  return { job, at: at === undefined ? undefined : Number(at), view: view in VIEWS ? view : "" };
}
