import { useEffect, useMemo, useRef } from "preact/hooks";
import { clock } from "../format.js";
import { useText } from "../text/text.js";
import { placesOf, type TextPlace, wordAtOffset, wordIndexAt } from "./places.js";
import type { Party, Turn } from "./turns.js";

interface TranscriptProps {
  turns: readonly Turn[];
  parties: readonly Party[];
  /** Seconds. */
  time: number;
  isPlaying: boolean;
  isFollowing: boolean;
  onUnfollow(): void;
  showsDoubtful: boolean;
  /** Places of words, `[turn, from, to]`, that a search has found; the one that is looked at. */
  found: readonly TextPlace[];
  foundIndex: number;
  /** Plays from a word on. */
  onWord(seconds: number): void;
  /** Goes to a word. */
  onStep(seconds: number): void;
}

/** Words below this are doubtful. */
const DOUBTFUL = 0.5;
const HIGHLIGHTS = ["playing", "doubtful", "found", "found-now"] as const;

/**
 * The text, turn by turn. Each turn is one text node, whatever is marked in it: words are found by their place in it, and
 * marked by the CSS Custom Highlight API, so that hours of speech stay as light as plain text.
 */
export function Transcript(props: TranscriptProps) {
  const {
    found,
    foundIndex,
    isFollowing,
    isPlaying,
    onUnfollow,
    onStep,
    onWord,
    parties,
    showsDoubtful,
    time,
    turns,
  } = props;
  const text = useText();
  const list = useRef<HTMLOListElement>(null);
  const places = useMemo(() => placesOf(turns), [turns]);
  const playing = wordIndexAt(places, time);

  const rangeOf = ({ from, to, turn }: TextPlace) => {
    const node = list.current?.children[turn]?.querySelector("p")?.firstChild;
    if (!node) return undefined;
    const range = new Range();
    range.setStart(node, from);
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
    const now = found[foundIndex];
    mark("found-now", now ? [now] : []);
    const box = now && rangeOf(now)?.getBoundingClientRect();
    if (box) scrollBy({ top: box.top - innerHeight / 3 });
  }, [found, foundIndex]);
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

  const click = (event: MouseEvent) => {
    const turn = (event.target as Element).closest("li.turn");
    if (!turn || getSelection()?.isCollapsed === false) return;
    const index = [...turn.parentElement!.children].indexOf(turn);
    const offset = (event.target as Element).closest("p") ? offsetAt(event) : undefined;
    const place = offset === undefined ? undefined : wordAtOffset(places, index, offset);
    if (place) onWord(place.word.start);
    else if ((event.target as Element).closest("time")) onWord(turns[index]!.start);
  };

  /** From a turn's button on, word by word. */
  const step = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = places[Math.max(0, (playing ?? -1) + by)];
    if (next) onStep(next.word.start);
  };

  return (
    <ol class="turns" ref={list} onClick={click} onKeyDown={step}>
      {turns.map((turn, index) => (
        <li class="turn" key={index} style={{ "--party": `var(--party-${turn.party % 8})` }}>
          <div class="who">
            <strong>{parties[turn.party]?.name}</strong>
            <button type="button" class="time" onClick={() => onWord(turn.start)} title={text.say("play")}>
              <time>{clock(turn.start)}</time>
            </button>
          </div>
          <p>{turn.text}</p>
        </li>
      ))}
    </ol>
  );
}

/** Characters before the place that was clicked, in its text node. */
function offsetAt({ clientX, clientY }: MouseEvent): number | undefined {
  if ("caretPositionFromPoint" in document) return document.caretPositionFromPoint(clientX, clientY)?.offset;
  const old = document as unknown as { caretRangeFromPoint?(x: number, y: number): Range | null };
  return old.caretRangeFromPoint?.(clientX, clientY)?.startOffset;
}
