import { useState } from "preact/hooks";
import type { TranscriptionResult } from "../../../src/types/result.js";
import type { Job } from "../server/jobs.js";
import { useText } from "../text/text.js";
import { type FileFormat, FORMATS } from "./file-formats.js";
import type { Party, Turn } from "./turns.js";

interface ExportsProps {
  job: Job;
  /** As it was corrected. */
  result: TranscriptionResult;
  turns: readonly Turn[];
  parties: readonly Party[];
  /** Seconds. */
  time: number;
}

/** The text in files of other programs and on paper, and a link to the moment. */
export function Exports({ job, parties, result, time, turns }: ExportsProps) {
  const text = useText();
  const [isCopied, setCopied] = useState(false);
  const name = job.filename.replace(/\.[^.]*$/, "") || job.id;
  const save = async (format: FileFormat) => {
    const { writeFile } = await import("./write-file.js");
    const file = await writeFile(format, {
      title: job.filename,
      result,
      turns,
      parties,
      language: text.language,
    });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `${name}.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  return (
    <fieldset class="exports">
      <legend>{text.say("export")}</legend>
      {FORMATS.map((format) => (
        <button type="button" class="plain" key={format} onClick={() => void save(format)}>
          {format}
        </button>
      ))}
      <button type="button" class="plain" onClick={() => print()}>
        {text.say("print")}
      </button>
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
    </fieldset>
  );
}
