import { useEffect, useMemo, useRef, useState } from "preact/hooks";

/** The sound of a recording. */
export interface Player {
  /** Seconds. */
  time: number;
  isPlaying: boolean;
  rate: number;
  /** Why there is no sound: nobody keeps it, or the browser cannot play it. */
  silence: "gone" | "unplayable" | undefined;
  toggle(): void;
  pause(): void;
  seek(seconds: number): void;
  /** Plays from there on. */
  playFrom(seconds: number): void;
  setRate(rate: number): void;
}

export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 2];

/**
 * Plays the file that this page has sent, or what the server keeps.
 * @param at seconds to begin at
 */
export function usePlayer(file: File | undefined, url: string | undefined, at = 0): Player {
  const audio = useMemo(() => new Audio(), []);
  const source = useRef<string | undefined>(undefined);
  const [time, setTime] = useState(at);
  const [isPlaying, setPlaying] = useState(false);
  const [rate, setRate] = useState(1);
  const [silence, setSilence] = useState<Player["silence"]>();

  useEffect(() => {
    source.current = file ? URL.createObjectURL(file) : url;
    audio.preload = "metadata";
    audio.hidden = true;
    document.body.append(audio);
    if (source.current === undefined) setSilence("gone");
    else audio.src = source.current;
    audio.currentTime = at;
    let frame = 0;
    const tick = () => {
      setTime(audio.currentTime);
      frame = requestAnimationFrame(tick);
    };
    audio.onplay = () => {
      setPlaying(true);
      frame = requestAnimationFrame(tick);
    };
    audio.onpause = () => {
      setPlaying(false);
      cancelAnimationFrame(frame);
    };
    audio.onseeked = () => setTime(audio.currentTime);
    audio.onerror = () => setSilence("unplayable");
    return () => {
      cancelAnimationFrame(frame);
      audio.pause();
      audio.removeAttribute("src");
      audio.remove();
      if (file && source.current) URL.revokeObjectURL(source.current);
    };
  }, [file, url]);

  const seek = (seconds: number) => {
    audio.currentTime = Math.max(0, seconds);
    setTime(audio.currentTime);
  };
  // Another moment of the recording that is open.
  useEffect(() => seek(at), [at]);
  return {
    time,
    isPlaying,
    rate,
    silence,
    seek,
    pause: () => audio.pause(),
    toggle: () => (audio.paused ? void audio.play().catch(() => {}) : audio.pause()),
    playFrom: (seconds) => {
      seek(seconds);
      void audio.play().catch(() => {});
    },
    setRate: (chosen) => {
      audio.playbackRate = chosen;
      setRate(chosen);
    },
  };
}
