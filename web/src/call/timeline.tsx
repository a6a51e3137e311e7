import { useEffect, useRef, useState } from "preact/hooks";
import { clock } from "../format.js";
import { type Peaks, peaksOf } from "../server/peaks.js";
import { useText } from "../text/text.js";
import { drawLanes, GAP, LANE } from "./draw-lanes.js";
import type { Party, Turn } from "./turns.js";

interface TimelineProps {
  turns: readonly Turn[];
  parties: readonly Party[];
  /** Whose sound is drawn; null: nobody keeps it. */
  recording: string | null;
  /** Seconds. */
  duration: number;
  time: number;
  onSeek(seconds: number): void;
}

/** Who speaks when, a lane for each, and over it a slider that nobody sees but everybody can use. */
export function Timeline({ duration, onSeek, parties, recording, time, turns }: TimelineProps) {
  const text = useText();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [peaks, setPeaks] = useState<Peaks>();
  const lanes = Math.max(1, parties.length);
  const height = lanes * LANE + (lanes - 1) * GAP;
  const length = Math.max(duration, peaks?.duration ?? 0);

  useEffect(() => {
    if (recording === null) return;
    const stop = new AbortController();
    peaksOf(recording, stop.signal).then(setPeaks, () => {});
    return () => stop.abort();
  }, [recording]);

  useEffect(() => {
    const draw = () =>
      canvas.current && drawLanes(canvas.current, { turns, parties, peaks, duration: length });
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(canvas.current!);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    const themes = new MutationObserver(draw);
    themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      observer.disconnect();
      scheme.removeEventListener("change", draw);
      themes.disconnect();
    };
  }, [turns, parties, peaks, length, height]);

  return (
    <div class="timeline" style={{ "--at": `${length > 0 ? (100 * time) / length : 0}%` }}>
      <canvas ref={canvas} style={{ height: `${height}px` }} />
      <span class="cursor" />
      <input
        type="range"
        min={0}
        max={length}
        step={0.1}
        value={time}
        aria-label={text.say("position")}
        aria-valuetext={clock(time)}
        onInput={(event) => onSeek(Number(event.currentTarget.value))}
      />
    </div>
  );
}
