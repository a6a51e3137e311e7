/** Text of live sound, of one channel, in seconds on its clock. */
export interface LiveText {
  channel: number;
  start: number;
  end: number;
  text: string;
}

interface Hearing {
  sampleRate: number;
  channels: number;
  /** Code, or empty: detected. */
  language: string;
}

interface Listeners {
  /** It will not change. */
  onSettled(text: LiveText): void;
  /** It may yet, and is all that is not settled of its channel. */
  onUnsettled(text: LiveText): void;
  /** @param reason in the server's words; empty: the connection was lost, or not let in */
  onFailure(reason: string): void;
}

/** A message of the live door, which speaks Deepgram's protocol. */
interface Results {
  type: string;
  channel_index: [number, number];
  start: number;
  duration: number;
  is_final: boolean;
  channel: { alternatives: { transcript: string }[] };
}

const NORMAL = 1000;
/** Milliseconds without a word from the server after which no more is waited for in the end. */
const PATIENCE = 20_000;

/** Has the server listen to live sound. */
export class Listener {
  readonly #socket: WebSocket;
  /** What came before the connection was there. */
  #waiting: Int16Array<ArrayBuffer>[] = [];
  readonly #closed: Promise<void>;
  readonly #onFailure: Listeners["onFailure"];
  #isEnding = false;
  #isClosed = false;
  /** When the server said something last. */
  #toldAt = 0;

  constructor(hearing: Hearing, { onFailure, onSettled, onUnsettled }: Listeners) {
    this.#onFailure = onFailure;
    this.#socket = new WebSocket(addressFor(hearing));
    this.#socket.onopen = () => {
      for (const packet of this.#waiting.splice(0)) this.#socket.send(packet);
      if (this.#isEnding) this.#socket.send(CLOSE);
    };
    this.#socket.onmessage = ({ data }: MessageEvent<string>) => {
      this.#toldAt = performance.now();
      const message = JSON.parse(data) as Results;
      if (message.type !== "Results") return;
      const { channel_index, duration, is_final, start } = message;
      const text = message.channel.alternatives[0]?.transcript ?? "";
      const heard = { channel: channel_index[0], start, end: start + duration, text };
      if (is_final) onSettled(heard);
      else onUnsettled(heard);
    };
    this.#closed = new Promise((resolve) => {
      this.#socket.onclose = ({ code, reason }) => {
        this.#isClosed = true;
        resolve();
        if (code !== NORMAL) onFailure(reason);
      };
    });
  }

  send(packet: Int16Array<ArrayBuffer>): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(packet);
    else if (this.#socket.readyState === WebSocket.CONNECTING) this.#waiting.push(packet);
  }

  /** Resolves when all that was sent has been told, the connection is gone, or the server says nothing any more, which is a failure. */
  async end(): Promise<void> {
    this.#isEnding = true;
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(CLOSE);
    this.#toldAt = performance.now();
    for (;;) {
      const left = this.#toldAt + PATIENCE - performance.now();
      if (this.#isClosed || left <= 0) break;
      await Promise.race([this.#closed, new Promise((resolve) => setTimeout(resolve, left))]);
    }
    if (this.#isClosed) return;
    this.#socket.onclose = null;
    this.#socket.close();
    this.#onFailure("");
  }
}

const CLOSE = JSON.stringify({ type: "CloseStream" });

function addressFor({ channels, language, sampleRate }: Hearing): string {
  const query = new URLSearchParams({
    encoding: "linear16",
    sample_rate: String(sampleRate),
    channels: String(channels),
    multichannel: "true",
    interim_results: "true",
    ...(language !== "" && { language }),
  });
  const { host, protocol } = location;
  return `${protocol === "https:" ? "wss" : "ws"}://${host}/v1/listen?${query}`;
}
