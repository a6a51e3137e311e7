import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Correction } from "../../../src/types/corrections.js";
import type { Speaker } from "../server/result.js";
import { useText } from "../text/text.js";
import { placesOf, type TextPlace, type WordPlace, wordAtOffset, wordIndexAt } from "./places.js";
import { turnList } from "./turn-list.js";
import { type Party, partWith, type Turn } from "./turns.js";
import { useKeys } from "./use-keys.js";
import { WordEditor } from "./word-editor.js";

interface TranscriptProps {
  turns: readonly Turn[];
  parties: readonly Party[];
  speakers: readonly Speaker[];
  /** Id of one speaker more. */
  another: string;
  /** Seconds. */
  time: number;
  isPlaying: boolean;
  isFollowing: boolean;
  onUnfollow(): void;
  showsDoubtful: boolean;
  /** What a search has found; the one that is looked at. */
  found: readonly TextPlace[];
  foundNow: TextPlace | undefined;
  /** Another one when that is to be brought into view. */
  look: string;
  /** Whether a click corrects a word in place of playing it. */
  isEditing: boolean;
  /** undefined: it cannot be corrected yet. */
  onCorrect: ((...corrections: Correction[]) => void) | undefined;
  onPause(): void;
  /** Plays from a word on. */
  onWord(seconds: number): void;
  /** Goes to a word. */
  onStep(seconds: number): void;
}

/** Words below this are doubtful. */
const DOUBTFUL = 0.5;
const HIGHLIGHTS = ["playing", "doubtful", "found", "found-now"] as const;
/** Pixels that a word's editor takes. */
const EDITOR = 320;

/** A word that is being corrected, and where its editor stands. */
interface Edited {
  place: WordPlace;
  left: number;
  top: number;
}

/**
 * The text, turn by turn. Each turn is one text node, whatever is marked in it: words are found by their place in it, and
 * marked by the CSS Custom Highlight API, so that hours of speech stay as light as plain text.
 */
export function Transcript(props: TranscriptProps) {
  const { found, foundNow, isEditing, isFollowing, isPlaying, look, onUnfollow, onStep, onWord } = props;
  const { another, onCorrect, onPause, parties, showsDoubtful, speakers, time, turns } = props;
  const text = useText();
  const list = useRef<HTMLOListElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const [edited, setEdited] = useState<Edited>();
  const places = useMemo(() => placesOf(turns), [turns]);
  const playing = wordIndexAt(places, time);
  const latest = useRef({ onCorrect, onWord });
  latest.current = { onCorrect, onWord };
  const handlers = useRef({ click: (_event: MouseEvent) => {}, step: (_event: KeyboardEvent) => {} });
  const shown = useMemo(
    () =>
      turnList({
        list,
        turns,
        parties,
        speakers,
        another,
        text,
        isEditing: isEditing && onCorrect !== undefined,
        onCorrect: (...corrections) => latest.current.onCorrect?.(...corrections),
        onClick: (event) => handlers.current.click(event),
        onKeyDown: (event) => handlers.current.step(event),
        onPlay: (seconds) => latest.current.onWord(seconds),
      }),
    [turns, parties, speakers, another, text.language, isEditing && onCorrect !== undefined],
  );

  const rangeOf = ({ from, to, turn }: TextPlace) => {
    const node = list.current?.children[turn]?.querySelector("p")?.firstChild;
    if (!node) return undefined;
    const range = new Range();
    range.setStart(node, Math.min(from, (node as globalThis.Text).length));
    range.setEnd(node, Math.min(to, (node as globalThis.Text).length));
    return range;
  };
  const mark = (name: (typeof HIGHLIGHTS)[number], marked: readonly TextPlace[]) => {
    if (!("highlights" in CSS)) return;
    const ranges = marked.flatMap((place) => rangeOf(place) ?? []);
    CSS.highlights.set(name, new Highlight(...ranges));
  };

  useEffect(() => {
    mark("playing", playing === undefined ? [] : [places[playing]!]);
    if (playing === undefined || !isPlaying || !isFollowing) return;
    const box = rangeOf(places[playing]!)?.getBoundingClientRect();
    if (box && (box.top < 160 || box.bottom > innerHeight - 80)) {
      const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
      scrollBy({ top: box.top - innerHeight / 3, behavior: behavior as ScrollBehavior });
    }
  }, [playing, places, isPlaying, isFollowing]);
  useEffect(() => {
    mark("doubtful", showsDoubtful ? places.filter(({ word }) => word.confidence < DOUBTFUL) : []);
  }, [places, showsDoubtful]);
  useEffect(() => {
    mark("found", found);
    mark("found-now", foundNow ? [foundNow] : []);
  }, [found, foundNow]);
  // Not when the text is corrected: it stays where it is.
  useEffect(() => {
    const box = foundNow && rangeOf(foundNow)?.getBoundingClientRect();
    if (box) scrollBy({ top: box.top - innerHeight / 3 });
  }, [look]);
  useEffect(
    () => () => {
      for (const name of HIGHLIGHTS) CSS.highlights?.delete(name);
    },
    [],
  );
  // A reader who scrolls wants to read there.
  useEffect(() => {
    addEventListener("wheel", onUnfollow, { passive: true });
    addEventListener("touchmove", onUnfollow, { passive: true });
    return () => {
      removeEventListener("wheel", onUnfollow);
      removeEventListener("touchmove", onUnfollow);
    };
  }, [onUnfollow]);

  // Where a word stood in another text says nothing. What Tab goes on to is opened after that.
  useLayoutEffect(() => setEdited(undefined), [turns]);

  const edit = (place: WordPlace | undefined) => {
    const word = place && rangeOf(place)?.getBoundingClientRect();
    const around = frame.current?.getBoundingClientRect();
    if (!onCorrect || !word || !around) return setEdited(undefined);
    onPause();
    const left = Math.max(0, Math.min(word.left - around.left, around.width - EDITOR));
    setEdited({ place, left, top: word.bottom - around.top + 4 });
  };
  const save = ({ place }: Edited, written: string, goesOn: boolean) => {
    const turn = turns[place.turn]!;
    if (written.trim() !== turn.text.slice(place.from, place.to))
      onCorrect?.({ op: "text", ...partWith(turn, place, written.trim()) });
    if (!goesOn) return setEdited(undefined);
    const next = places[places.findIndex((each) => each.word === place.word) + 1];
    // When the text is written anew.
    setEdited(undefined);
    setTimeout(() => latestEdit.current(next?.word.start));
  };
  const latestEdit = useRef((_start: number | undefined) => {});
  latestEdit.current = (start) =>
    edit(start === undefined ? undefined : places.find(({ word }) => Math.abs(word.start - start) < 0.001));
  useKeys({ e: () => edit(places[playing ?? 0]) });

  const click = (event: MouseEvent) => {
    const turn = (event.target as Element).closest("li.turn");
    const isText = (event.target as Element).closest("p") !== null;
    if (!turn || !isText || getSelection()?.isCollapsed === false) return;
    const index = [...turn.parentElement!.children].indexOf(turn);
    const offset = offsetAt(event);
    const place = offset === undefined ? undefined : wordAtOffset(places, index, offset);
    if (!place) return;
    if (isEditing && onCorrect) edit(place);
    else onWord(place.word.start);
  };

  /** From a turn's button on, word by word. */
  const step = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined || (event.target as Element).matches("input, select")) return;
    event.preventDefault();
    event.stopPropagation();
    const next = places[Math.max(0, (playing ?? -1) + by)];
    if (next) onStep(next.word.start);
  };

  handlers.current = { click, step };

  return (
    <div class="text" ref={frame}>
      {shown}
      {edited && (
        <WordEditor
          key={`${edited.place.turn} ${edited.place.from}`}
          word={turns[edited.place.turn]?.text.slice(edited.place.from, edited.place.to) ?? ""}
          left={edited.left}
          top={edited.top}
          onSave={(written, goesOn) => save(edited, written, goesOn)}
          onClose={() => setEdited(undefined)}
        />
      )}
    </div>
  );
}

/** Characters before the place that was clicked, in its text node. */
function offsetAt({ clientX, clientY }: MouseEvent): number | undefined {
  if ("caretPositionFromPoint" in document) return document.caretPositionFromPoint(clientX, clientY)?.offset;
  const old = document as unknown as { caretRangeFromPoint?(x: number, y: number): Range | null };
  return old.caretRangeFromPoint?.(clientX, clientY)?.startOffset;
}
