import { useEffect, useRef, useState } from "preact/hooks";
import type { Choices } from "../server/jobs.js";
import { Listener, type LiveText } from "./listener.js";
import { Microphone, type Wanted } from "./microphone.js";
import { WavWriter } from "./wav.js";

/** Why nothing is heard. */
export type Trouble =
  | { kind: "insecure" | "refused" | "missing" | "unusable" | "gone" }
  | { kind: "told"; reason: string };

export interface Live {
  state: "idle" | "asking" | "listening" | "ending";
  /** In the order in which it was said. */
  settled: readonly LiveText[];
  /** By channel. */
  unsettled: ReadonlyMap<number, LiveText>;
  /** Seconds that were heard. */
  heard: number;
  /** Seconds by which the newest text is behind what is heard; undefined: there is none. */
  lag: number | undefined;
  /** Of the last tenth of a second, 0 to 1. */
  peak: number;
  /** Channels that are heard. */
  channels: number;
  trouble: Trouble | undefined;
  /** Whether a recording of it is on its way to the server. */
  isSaved: boolean;
  start(wanted: Wanted & { language: string }): Promise<void>;
  stop(): Promise<void>;
}

interface Session {
  microphone: Microphone;
  listener: Listener;
  recording: WavWriter;
  language: string;
  wake: WakeLockSentinel | undefined;
}

/** What a microphone hears, as text, and in the end as a recording. @param onRecorded takes that */
export function useLive(onRecorded: (file: File, choices: Choices) => void): Live {
  const session = useRef<Session | undefined>(undefined);
  const [state, setState] = useState<Live["state"]>("idle");
  const [settled, setSettled] = useState<readonly LiveText[]>([]);
  const [unsettled, setUnsettled] = useState<ReadonlyMap<number, LiveText>>(new Map());
  const [heard, setHeard] = useState(0);
  const [lag, setLag] = useState<number>();
  const [peak, setPeak] = useState(0);
  const [channels, setChannels] = useState(1);
  const [trouble, setTrouble] = useState<Trouble>();
  const [isSaved, setSaved] = useState(false);
  const seconds = useRef(0);

  const stop = async () => {
    const ending = session.current;
    if (!ending) return;
    session.current = undefined;
    setState("ending");
    const { language, listener, microphone, recording, wake } = ending;
    await microphone.close();
    void wake?.release().catch(() => {});
    if (recording.bytes > 0) {
      onRecorded(recording.file(nameNow(), microphone.sampleRate, microphone.channels), {
        language,
        speakers: "channels",
      });
      setSaved(true);
    }
    await listener.end();
    setUnsettled(new Map());
    setPeak(0);
    setState("idle");
  };

  const start: Live["start"] = async ({ language, ...wanted }) => {
    if (!navigator.mediaDevices) return setTrouble({ kind: "insecure" });
    setState("asking");
    setTrouble(undefined);
    setSettled([]);
    setUnsettled(new Map());
    setLag(undefined);
    setHeard(0);
    setSaved(false);
    seconds.current = 0;
    const told = ({ end }: LiveText) => setLag(Math.max(0, seconds.current - end));
    try {
      const recording = new WavWriter();
      let listener: Listener | undefined;
      const microphone: Microphone = await Microphone.open(
        wanted,
        ({ peak, samples }) => {
          if (!listener) return;
          recording.add(samples);
          listener.send(samples);
          seconds.current += samples.length / microphone.channels / microphone.sampleRate;
          setHeard(seconds.current);
          setPeak(peak);
        },
        () => void stop().then(() => setTrouble({ kind: "missing" })),
      );
      const { channels, sampleRate } = microphone;
      setChannels(channels);
      listener = new Listener(
        { channels, sampleRate, language },
        {
          onSettled: (text) => {
            setUnsettled((now) => new Map([...now].filter(([channel]) => channel !== text.channel)));
            if (text.text === "") return;
            setSettled((now) => [...now, text].sort((a, b) => a.start - b.start));
            told(text);
          },
          onUnsettled: (text) => {
            setUnsettled((now) => new Map([...now, [text.channel, text]]));
            told(text);
          },
          // What was heard so far is a recording all the same.
          onFailure: (reason) => {
            setTrouble(reason === "" ? { kind: "gone" } : { kind: "told", reason });
            void stop();
          },
        },
      );
      const opened: Session = { microphone, listener, recording, language, wake: undefined };
      session.current = opened;
      setState("listening");
      opened.wake = await navigator.wakeLock?.request("screen").catch(() => undefined);
      if (session.current !== opened) void opened.wake?.release().catch(() => {});
    } catch (error) {
      setState("idle");
      setTrouble({ kind: KINDS[(error as DOMException).name] ?? "unusable" });
    }
  };

  // Who leaves loses what was heard.
  const isListening = state === "listening";
  useEffect(() => {
    if (!isListening) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [isListening]);

  return {
    state,
    settled,
    unsettled,
    heard,
    lag,
    peak,
    channels,
    trouble,
    isSaved,
    start,
    stop,
  };
}

const KINDS: Readonly<Record<string, "refused" | "missing">> = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
};

/** A name that tells recordings apart, and is one in every file system. */
function nameNow(): string {
  const now = new Date();
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  return `microphone ${day} ${two(now.getHours())}.${two(now.getMinutes())}.${two(now.getSeconds())}.wav`;
}
