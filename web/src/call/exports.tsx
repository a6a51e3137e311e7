import { useState } from "preact/hooks";
import type { Job } from "../server/jobs.js";
import { useText } from "../text/text.js";

/** What the server calls formats, and how files of them end. */
const FORMATS = { txt: "txt", srt: "srt", vtt: "vtt", json: "full_json", csv: "csv", tsv: "tsv" };

/** The text in files of other programs, and a link to the moment. @param time seconds */
export function Exports({ job, time }: { job: Job; time: number }) {
  const text = useText();
  const [isCopied, setCopied] = useState(false);
  const name = job.filename.replace(/\.[^.]*$/, "");
  return (
    <span class="exports">
      {text.say("export")}
      {Object.entries(FORMATS).map(([ending, format]) => (
        <a key={format} href={`/v1/jobs/${job.id}/result?format=${format}`} download={`${name}.${ending}`}>
          {ending}
        </a>
      ))}
      <button
        type="button"
        onClick={async () => {
          const moment = `#${job.id}@${time.toFixed(1)}`;
          // Only where the page is secure: elsewhere the address can be copied.
          if (!navigator.clipboard) location.hash = moment;
          else await navigator.clipboard.writeText(`${location.origin}/${moment}`);
          setCopied(navigator.clipboard !== undefined);
          setTimeout(() => setCopied(false), 2000);
        }}
      >
        {text.say(isCopied ? "copied" : "copyLink")}
      </button>
    </span>
  );
}
