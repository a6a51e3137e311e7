import type { DecodeTask } from "./decode-task.js";
import type { ReadAt } from "./sniff.js";

/** How the beginning of a recording is recognised inside a file. */
interface Beginning {
  /** Searched for, in Latin-1. */
  mark: string;
  /** Bytes of the recording before the mark, none by default. */
  before?: number;
  /** Whether a recording does begin at `start`; `bytes` reach {@link AHEAD} bytes further, but for the file's end. */
  begins(bytes: Buffer, start: number): boolean;
}

const STEP = 1024 * 1024;
/** Bytes that are enough to tell. */
const AHEAD = 128;

const latin1 = (bytes: Buffer, start: number, end: number) => bytes.toString("latin1", start, end);
const always = () => true;

/** Whether one of `texts` stands `offset` bytes behind the beginning. */
function has(offset: number, ...texts: string[]): Beginning["begins"] {
  return (bytes, start) =>
    texts.some((text) => latin1(bytes, start + offset, start + offset + text.length) === text);
}

/** Chunks that AIFF files begin with. */
const AIFF_CHUNKS = /^AIF[FC](COMM|FVER|NAME|COMT|CHAN|ANNO|SSND)/;
/** Boxes that follow `ftyp`; nothing does at the end of a file. */
const BOXES = /^(moov|mdat|free|skip|wide|moof|uuid|sidx|styp|meta|pdin|udta|prfl|emsg)?$/;

/** By FFmpeg's demuxers. MPEG frames, transport and program streams need none: they go on as if nothing had been. */
const BEGINNINGS: Readonly<Record<string, Beginning>> = {
  matroska: {
    mark: "\x1a\x45\xdf\xa3",
    begins(bytes, start) {
      const header = latin1(bytes, start, start + AHEAD);
      return header.includes("\x42\x82") && /webm|matroska/.test(header);
    },
  },
  mov: {
    mark: "ftyp",
    before: 4,
    begins(bytes, start) {
      const size = bytes.readUInt32BE(start);
      if (size < 16 || size > 1024 || size % 4 !== 0) return false;
      const brand = latin1(bytes, start + 8, start + 12);
      return BOXES.test(latin1(bytes, start + size + 4, start + size + 8)) && /^[\x20-\x7e]{4}$/.test(brand);
    },
  },
  asf: { mark: "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", begins: always },
  w64: { mark: "riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", begins: always },
  wav: { mark: "RIFF", begins: has(8, "WAVE") },
  avi: { mark: "RIFF", begins: has(8, "AVI LIST") },
  qcp: { mark: "RIFF", begins: has(8, "QLCM") },
  aiff: { mark: "FORM", begins: (bytes, start) => AIFF_CHUNKS.test(latin1(bytes, start + 8, start + 16)) },
  caf: { mark: "caff\0\x01\0\0desc", begins: always },
  amr: { mark: "#!AMR", begins: has(5, "\n", "-WB\n") },
  au: {
    mark: ".snd",
    begins(bytes, start) {
      if (bytes.length < start + 24) return false;
      const [header, encoding, rate, channels] = [4, 12, 16, 20].map((at) => bytes.readUInt32BE(start + at));
      const sane = header! >= 24 && header! < 65_536 && encoding! >= 1 && encoding! <= 27;
      return sane && rate! >= 1000 && rate! <= 768_000 && channels! >= 1 && channels! <= 64;
    },
  },
  flac: { mark: "fLaC", begins: has(4, "\0\0\0\x22", "\x80\0\0\x22") },
  flv: { mark: "FLV\x01", begins: has(4, "\x01\0\0\0\x09", "\x04\0\0\0\x09", "\x05\0\0\0\x09") },
  tta: { mark: "TTA1", begins: has(4, "\x01\0", "\x02\0", "\x03\0") },
  dsf: { mark: "DSD \x1c\0\0\0\0\0\0\0", begins: always },
  voc: { mark: "Creative Voice File\x1a", begins: always },
  // Pages of a chained stream: its first ones follow on others, which are not the first of their streams.
  ogg: { mark: "OggS\0", begins: always },
};

/**
 * Where in a file complete recordings begin that were joined byte by byte: a recorder that appends, `cat`, chained Ogg.
 * The first is the file's own beginning.
 * @param demuxer FFmpeg's, of the file
 */
export async function findJoinedRecordings(
  demuxer: string,
  readAt: ReadAt,
  task: DecodeTask,
): Promise<number[]> {
  const beginning = BEGINNINGS[demuxer];
  const starts = [0];
  if (!beginning) return starts;
  let firstPages = true;
  for (let position = 0; ; position += STEP) {
    task.check();
    const bytes = Buffer.from(await readAt(position, STEP + AHEAD * 10));
    const searched = Math.min(STEP, bytes.length);
    let at = bytes.indexOf(beginning.mark, 0, "latin1");
    for (; at >= 0; at = bytes.indexOf(beginning.mark, at + 1, "latin1")) {
      const start = at - (beginning.before ?? 0);
      if (start >= searched) break;
      if (start < 0 || !beginning.begins(bytes, start)) continue;
      if (demuxer === "ogg") {
        const isFirst = ((bytes[start + 5] ?? 0) & 2) !== 0;
        if (isFirst && !firstPages) starts.push(position + start);
        firstPages = isFirst;
      } else if (position + start > 0) starts.push(position + start);
    }
    if (bytes.length <= STEP) return starts;
  }
}
