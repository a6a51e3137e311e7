import worklet from "./pcm-worklet.ts?worker&url";

/** Hz that models hear at. */
const RATE = 16_000;

export interface Packet {
  /** 16-bit samples, channels in turn. */
  samples: Int16Array<ArrayBuffer>;
  /** 0 to 1. */
  peak: number;
}

export interface Wanted {
  /** Id of the device; empty: the browser's own choice. */
  device: string;
  /** 1 or 2. */
  channels: number;
}

/** A microphone that is open. */
export class Microphone {
  readonly #stream: MediaStream;
  readonly #context: AudioContext;

  private constructor(
    /** 1 or 2, which may be fewer than were asked for. */
    readonly channels: number,
    stream: MediaStream,
    context: AudioContext,
  ) {
    this.#stream = stream;
    this.#context = context;
  }

  /** Hz. */
  get sampleRate(): number {
    return this.#context.sampleRate;
  }

  /**
   * Opens a microphone as it hears: nothing is cancelled, suppressed or levelled, which the models are used to do without.
   * @param onPacket is given what it hears, ten times a second
   * @param onEnd is called when the device is gone
   * @throws DOMException as `getUserMedia`
   */
  static async open(
    { channels, device }: Wanted,
    onPacket: (packet: Packet) => void,
    onEnd: () => void,
  ): Promise<Microphone> {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: {
        ...(device !== "" && { deviceId: { exact: device } }),
        channelCount: { ideal: channels },
        echoCancellation: false,
        noiseSuppression: false,
        autoGainControl: false,
      },
    });
    let context: AudioContext | undefined;
    try {
      const [track] = stream.getAudioTracks();
      const found = Math.min(channels, track!.getSettings().channelCount ?? 1);
      const opened = contextFor(stream);
      context = opened.context;
      await context.audioWorklet.addModule(worklet);
      const node = new AudioWorkletNode(context, "pcm", {
        numberOfOutputs: 0,
        channelCount: found,
        channelCountMode: "explicit",
        processorOptions: { channels: found },
      });
      node.port.onmessage = ({ data }: MessageEvent<Packet>) => onPacket(data);
      track!.onended = onEnd;
      opened.source.connect(node);
      await context.resume();
      return new Microphone(found, stream, context);
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      await context?.close().catch(() => {});
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const track of this.#stream.getTracks()) track.stop();
    await this.#context.close().catch(() => {});
  }
}

/** At the models' rate, or at the device's where the browser converts none. */
function contextFor(stream: MediaStream): { context: AudioContext; source: MediaStreamAudioSourceNode } {
  try {
    return sourceIn(new AudioContext({ sampleRate: RATE }), stream);
  } catch {
    return sourceIn(new AudioContext(), stream);
  }
}

function sourceIn(context: AudioContext, stream: MediaStream): ReturnType<typeof contextFor> {
  try {
    return { context, source: context.createMediaStreamSource(stream) };
  } catch (error) {
    // Browsers have few of them.
    void context.close();
    throw error;
  }
}

/** Microphones that there are; named once one has been allowed. */
export async function microphones(): Promise<MediaDeviceInfo[]> {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter(({ deviceId, kind }) => kind === "audioinput" && deviceId !== "");
}
