import { useText } from "../text/text.js";
import { DropZone } from "./drop-zone.js";
import { JobRow, UploadRow } from "./rows.js";
import type { Jobs } from "./use-jobs.js";

/** What is to be transcribed, is being, and was. @param opened id of the job whose text is shown */
export function Queue({ jobs, opened }: { jobs: Jobs; opened: string | undefined }) {
  const text = useText();
  const isEmpty = jobs.state === "ready" && jobs.all.length + jobs.uploads.length === 0;
  return (
    <section class="queue" aria-label={text.say("recordings")}>
      <DropZone isReady={jobs.state === "ready"} onSources={jobs.add} />
      {isEmpty && (
        <div class="empty">
          <p>{text.say("nothingYet")}</p>
          <p class="quiet">{text.say("nothingYetHint")}</p>
        </div>
      )}
      <ul>
        {jobs.uploads.map((upload) => (
          <UploadRow key={upload.key} upload={upload} onRetry={jobs.retry} onDismiss={jobs.dismiss} />
        ))}
        {jobs.all.map((job) => (
          <JobRow key={job.id} job={job} isOpen={job.id === opened} onCancel={jobs.cancel} />
        ))}
      </ul>
      {jobs.hasOlder && (
        <button type="button" class="older" onClick={jobs.showOlder}>
          {text.say("showOlder")}
        </button>
      )}
    </section>
  );
}
