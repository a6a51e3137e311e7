import { clock } from "../format.js";
import type { Job } from "../server/jobs.js";
import { Refused } from "../server/request.js";
import { adviceOn, adviceOnRefusal } from "../text/advice.js";
import type { Sentence } from "../text/dictionary.js";
import { useText } from "../text/text.js";
import type { Upload } from "./use-jobs.js";

interface UploadRowProps {
  upload: Upload;
  onRetry(upload: Upload): void;
  onDismiss(upload: Upload): void;
}

export function UploadRow({ upload, onDismiss, onRetry }: UploadRowProps) {
  const text = useText();
  const { fraction, refusal, source } = upload;
  const name = typeof source === "string" ? source : source.name;
  return (
    <li class="row">
      <span class="name" title={name}>
        {name}
      </span>
      {refusal === undefined ? (
        <>
          <span class="state">
            {text.say("uploading")} · {text.say("percent", { value: Math.floor(100 * fraction) })}
          </span>
          <progress value={fraction} aria-label={text.say("uploading")} />
        </>
      ) : (
        <span class="state bad" role="alert">
          {refusal instanceof Refused
            ? text.say("refused", { name, reason: refusal.message })
            : text.say("notSent")}
          <Advice on={refusal instanceof Refused ? adviceOnRefusal(refusal) : undefined} />
        </span>
      )}
      <span class="actions">
        {refusal !== undefined && (
          <button type="button" onClick={() => onRetry(upload)}>
            {text.say("again")}
          </button>
        )}
        <button type="button" onClick={() => onDismiss(upload)}>
          {text.say(refusal === undefined ? "cancel" : "remove")}
        </button>
      </span>
    </li>
  );
}

/** What can be done about it. */
function Advice({ on }: { on: Sentence | undefined }) {
  const text = useText();
  return on ? <span class="advice">{text.say(on)}</span> : null;
}

interface JobRowProps {
  job: Job;
  isOpen: boolean;
  onCancel(job: Job): void;
}

export function JobRow({ isOpen, job, onCancel }: JobRowProps) {
  const text = useText();
  const { error, filename, id, progress, status } = job;
  const isUnderWay = status === "queued" || status === "running";
  return (
    <li class={isOpen ? "row open" : "row"}>
      <a class="name" href={`#${id}`} title={filename} aria-current={isOpen ? "true" : undefined}>
        {filename || id}
      </a>
      <span class={`state ${status}`}>{stateOf(job, text)}</span>
      {status === "running" && <progress {...(progress?.fraction != null && { value: progress.fraction })} />}
      {error && (
        <span class="state bad">
          {error.message}
          <Advice on={adviceOn(error.code)} />
        </span>
      )}
      {isUnderWay && (
        <span class="actions">
          <button type="button" onClick={() => onCancel(job)}>
            {text.say("cancel")}
          </button>
        </span>
      )}
    </li>
  );
}

function stateOf({ duration, language, progress, status }: Job, text: ReturnType<typeof useText>): string {
  const parts = [text.say(status)];
  if (status === "running" && progress) {
    if (progress.fraction !== null)
      parts.push(text.say("percent", { value: Math.floor(100 * progress.fraction) }));
    if (progress.speed_factor > 0) parts.push(text.say("speed", { value: progress.speed_factor }));
    if (progress.eta !== null) parts.push(text.say("remaining", { time: clock(progress.eta) }));
  }
  if (duration !== null) parts.push(clock(duration));
  if (language) parts.push(language);
  return parts.join(" · ");
}
