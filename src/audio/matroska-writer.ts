import type { FrameHeader } from "./frame-header.js";
import { AAC_RATES } from "./mpeg-header.js";

/** Matroska (RFC 9559) with one track of sound: frames get times, which their own formats have no place for. */

const CODECS = { aac: "A_AAC", ac3: "A_AC3", eac3: "A_EAC3", dts: "A_DTS" };

/** What comes before the clusters: a segment of unknown length, with times in milliseconds. */
export function matroskaHead(first: FrameHeader): Buffer {
  const { kind, layer, channels, sampleRate, signature } = first;
  const rate = Buffer.alloc(8);
  rate.writeDoubleBE(sampleRate);
  const audio = element("e1", element("b5", rate), element("9f", number(channels || 2)));
  const codecPrivate = kind === "aac" ? [element("63a2", audioSpecificConfig(first, signature))] : [];
  const codec = element("86", Buffer.from(kind === "mp3" ? `A_MPEG/L${layer}` : CODECS[kind]));
  const ids = [element("d7", number(1)), element("73c5", number(1)), element("83", number(2))];
  const head = element("1a45dfa3", element("4282", Buffer.from("matroska")), element("4287", number(4)));
  const segment = Buffer.from("1853806701ffffffffffffff", "hex");
  const info = element("1549a966", element("2ad7b1", number(1_000_000)));
  return Buffer.concat([
    ...[head, segment, info],
    element("1654ae6b", element("ae", ...ids, codec, ...codecPrivate, audio)),
  ]);
}

/** @param blocks with their times in milliseconds, which rise by less than 32 s in all */
export function matroskaCluster(blocks: ReadonlyArray<{ time: number; data: Uint8Array }>): Buffer {
  const start = blocks[0]!.time;
  const parts = blocks.map(({ time, data }) => {
    const head = Buffer.from([0x81, 0, 0, 0x80]);
    head.writeInt16BE(time - start, 1);
    return element("a3", head, data);
  });
  return element("1f43b675", element("e7", number(start)), ...parts);
}

/** ISO/IEC 14496-3, 1.6.2.1: what an ADTS header says, in the form that other containers have. */
function audioSpecificConfig({ sampleRate, channels }: FrameHeader, signature: number): Buffer {
  const objectType = ((signature >>> 14) & 3) + 1;
  const config = (objectType << 11) | (AAC_RATES.indexOf(sampleRate) << 7) | (channels << 3);
  return Buffer.from([config >>> 8, config & 0xff]);
}

function element(id: string, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(body.length) | (1n << 56n));
  return Buffer.concat([Buffer.from(id, "hex"), size, body]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
