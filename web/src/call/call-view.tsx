import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { applyCorrections } from "../../../src/corrections/apply.js";
import type { Correction } from "../../../src/types/corrections.js";
import type { TranscriptionResult } from "../../../src/types/result.js";
import { clock } from "../format.js";
import type { Job } from "../server/jobs.js";
import { Refused, Unreachable } from "../server/request.js";
import type { Transcript as Said, Speaker } from "../server/result.js";
import { adviceOnRefusal } from "../text/advice.js";
import { type Text, useText } from "../text/text.js";
import { WrittenOtherwise } from "./correction-list.js";
import { Exports } from "./exports.js";
import { Keys } from "./keys.js";
import { search } from "./places.js";
import { anotherSpeaker } from "./speaker-form.js";
import { TalkTime } from "./talk-time.js";
import { Timeline } from "./timeline.js";
import { Transcript } from "./transcript.js";
import { partiesOf, turnsOf, wordCount } from "./turns.js";
import { useCorrections } from "./use-corrections.js";
import { useKeys } from "./use-keys.js";
import { RATES, usePlayer } from "./use-player.js";
import { useTranscript } from "./use-transcript.js";

const NOBODY: readonly Speaker[] = [];

/** A recording: who says what, and its sound. @param at seconds to begin at */
export function CallView({ at, file, job }: { job: Job; file: File | undefined; at: number | undefined }) {
  const text = useText();
  const { soFar, whole } = useTranscript(job);
  const corrections = useCorrections(job.id, whole);
  const corrected = useMemo(() => correctedOf(whole, corrections.list), [whole, corrections.list]);
  const transcript: Said | undefined = corrected ?? soFar;
  const speakers = transcript?.speakers ?? NOBODY;
  // Channels that are apart are speakers without any correction, too.
  const heard = useMemo(() => correctedOf(whole, [])?.speakers ?? NOBODY, [whole]);
  const another = useMemo(() => anotherSpeaker(heard, corrections.list ?? []), [heard, corrections.list]);
  const onCorrect = corrected && corrections.add;
  const advice = corrections.trouble instanceof Refused ? adviceOnRefusal(corrections.trouble) : undefined;
  const [isEditing, setEditing] = useState(false);
  const url = job.recording_id === null ? undefined : `/api/recordings/${job.recording_id}/audio`;
  const player = usePlayer(file, url, at);
  const [isFollowing, setFollowing] = useState(true);
  const [showsDoubtful, setShowsDoubtful] = useState(false);
  const [showsKeys, setShowsKeys] = useState(false);
  const [wanted, setWanted] = useState("");
  const [foundIndex, setFoundIndex] = useState(0);
  const searchField = useRef<HTMLInputElement>(null);
  const unfollow = useCallback(() => setFollowing(false), []);

  const parties = useMemo(() => (transcript ? partiesOf(transcript, text) : []), [transcript, text.language]);
  const turns = useMemo(() => (transcript ? turnsOf(transcript, parties) : []), [transcript, parties]);
  const found = useMemo(() => search(turns, wanted), [turns, wanted]);
  // A correction may leave fewer.
  const foundNow = Math.min(foundIndex, found.length - 1);
  const duration = transcript?.duration ?? job.duration ?? 0;
  useEffect(() => setFoundIndex(0), [wanted]);

  const turnAt = turns.findLastIndex(({ start }) => start <= player.time + 0.05);
  const toTurn = (step: number) => {
    const turn = turns[Math.min(turns.length - 1, Math.max(0, turnAt + step))];
    if (turn) player.seek(turn.start);
  };
  const faster = (step: number) =>
    player.setRate(RATES[Math.min(RATES.length - 1, Math.max(0, RATES.indexOf(player.rate) + step))]!);
  useKeys({
    " ": player.toggle,
    ArrowLeft: () => player.seek(player.time - 5),
    ArrowRight: () => player.seek(player.time + 5),
    j: () => toTurn(1),
    k: () => toTurn(-1),
    "<": () => faster(-1),
    ">": () => faster(1),
    "/": () => searchField.current?.focus(),
    "?": () => setShowsKeys(true),
  });

  return (
    <section class="call" aria-label={job.filename}>
      <a class="back" href="#/">
        ← {text.say("recordings")}
      </a>
      <h2>{job.filename}</h2>
      {parties.length > 0 && (
        <p class="quiet">
          {text.count("speakersCount", parties.length)} · {text.count("words", wordCount(turns))}
        </p>
      )}
      <div class="player">
        <button
          type="button"
          class="primary play"
          onClick={player.toggle}
          disabled={player.silence !== undefined}
          aria-label={text.say(player.isPlaying ? "pause" : "play")}
        >
          {player.isPlaying ? "❚❚" : "▶"}
        </button>
        <span class="clock">
          {clock(player.time)} / {clock(duration)}
        </span>
        <select
          aria-label={text.say("rate")}
          value={player.rate}
          onChange={(event) => player.setRate(Number(event.currentTarget.value))}
        >
          {RATES.map((rate) => (
            <option key={rate} value={rate}>
              {text.number(rate)} ×
            </option>
          ))}
        </select>
        <label class="check">
          <input type="checkbox" checked={isFollowing} onChange={() => setFollowing(!isFollowing)} />
          {text.say("follow")}
        </label>
        <label class="check">
          <input type="checkbox" checked={showsDoubtful} onChange={() => setShowsDoubtful(!showsDoubtful)} />
          {text.say("doubtful")}
        </label>
        <button
          type="button"
          class="keys-button"
          onClick={() => setShowsKeys(true)}
          aria-label={text.say("keys")}
        >
          ?
        </button>
      </div>
      {player.silence && (
        <p class="notice">{text.say(player.silence === "gone" ? "audioGone" : "cannotPlay")}</p>
      )}
      <Timeline
        turns={turns}
        parties={parties}
        recording={job.recording_id}
        duration={duration}
        time={player.time}
        onSeek={player.seek}
      />
      <TalkTime parties={parties} speakers={speakers} onCorrect={onCorrect} />
      <div class="tools">
        <input
          ref={searchField}
          type="search"
          placeholder={text.say("search")}
          aria-label={text.say("search")}
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || found.length === 0) return;
            setFoundIndex((foundNow + (event.shiftKey ? found.length - 1 : 1)) % found.length);
          }}
        />
        {wanted.trim() !== "" && (
          <span class="quiet" role="status">
            {found.length === 0
              ? text.say("foundNone")
              : text.say("found", { number: foundNow + 1, total: found.length })}
          </span>
        )}
        {onCorrect && (
          <label class="check">
            <input type="checkbox" checked={isEditing} onChange={() => setEditing(!isEditing)} />
            {text.say("edit")}
          </label>
        )}
        {onCorrect && (corrections.list?.length ?? 0) > 0 && (
          <button type="button" onClick={corrections.undo}>
            ↶ {text.say("undo")}
          </button>
        )}
      </div>
      {corrected && (
        <Exports job={job} result={corrected} turns={turns} parties={parties} time={player.time} />
      )}
      {isEditing && <p class="quiet">{text.say("editHint")}</p>}
      {corrections.trouble !== undefined && (
        <p class="notice" role="alert">
          {notKept(corrections.trouble, text)} {advice && text.say(advice)}
        </p>
      )}
      {transcript && transcript.warnings.length > 0 && (
        <details class="notes">
          <summary>{text.say("warnings")}</summary>
          <ul>
            {transcript.warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </details>
      )}
      {transcript && turns.length === 0 && job.status === "succeeded" && (
        <p class="quiet">{text.say("noSpeech")}</p>
      )}
      <div lang={transcript?.language || undefined}>
        <Transcript
          turns={turns}
          parties={parties}
          speakers={speakers}
          another={another}
          isEditing={isEditing}
          onCorrect={onCorrect}
          onPause={player.pause}
          time={player.time}
          isPlaying={player.isPlaying}
          isFollowing={isFollowing}
          onUnfollow={unfollow}
          showsDoubtful={showsDoubtful}
          found={found}
          foundNow={found[foundNow]}
          look={`${foundIndex} ${wanted}`}
          onWord={player.playFrom}
          onStep={player.seek}
        />
      </div>
      {showsKeys && <Keys onClose={() => setShowsKeys(false)} />}
    </section>
  );
}

/** Why a correction was not kept. */
function notKept(trouble: Error, text: Text): string {
  if (trouble instanceof Unreachable) return text.say("notKept");
  const reason =
    trouble instanceof WrittenOtherwise
      ? text.say("writtenOtherwise", { text: trouble.text })
      : trouble.message;
  return text.say("notKeptSince", { reason });
}

/** As it was heard where the corrections do not fit it. @returns undefined while it is not known what was corrected */
function correctedOf(
  whole: TranscriptionResult | undefined,
  list: readonly Correction[] | undefined,
): TranscriptionResult | undefined {
  if (!whole || !list) return undefined;
  try {
    return applyCorrections(whole, list);
  } catch {
    return applyCorrections(whole, []);
  }
}
