import { useEffect, useState } from "preact/hooks";
import { CallView } from "./call/call-view.js";
import { Dashboard } from "./dashboard/dashboard.js";
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
          <a href="#/" aria-current={opened.isDashboard ? undefined : "page"}>
            {text.say("recordings")}
          </a>
          <a href="#/server" aria-current={opened.isDashboard ? "page" : undefined}>
            {text.say("dashboard")}
          </a>
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
      ) : opened.isDashboard ? (
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

interface Opened {
  job: string | undefined;
  /** Seconds. */
  at: number | undefined;
  isDashboard: boolean;
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
  return { job, at: at === undefined ? undefined : Number(at), isDashboard: hash === "#/server" };
}
