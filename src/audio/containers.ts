/** A container that FFmpeg decodes for us. */
export interface Container {
  /** As {@link AudioFormat.container} has it. */
  readonly name: string;
  /** FFmpeg's demuxer, always given so that FFmpeg itself never guesses. */
  readonly demuxer: string;
  /**
   * Where packets get their times from. `"file"`: a clock that all streams of the file share, so audio may have gaps
   * and may begin late; `"stream"`: a clock of its own, so it may have gaps; absent: only from the frames before.
   */
  readonly times?: "file" | "stream";
  /** Broadcast formats may go on with another clock at any place. */
  readonly clockChanges?: boolean;
  /** Bytes before the first one that FFmpeg is to read. */
  readonly skip?: number;
  /** Seconds at the beginning of what is decoded that are an encoder's delay. */
  readonly lead?: number;
}

export type Signature<T> = readonly [offset: number, latin1: string, meaning: T];

const MP4: Container = { name: "mp4", demuxer: "mov", times: "file" };

/** What the first bytes tell. */
export const CONTAINERS: ReadonlyArray<Signature<Container>> = [
  [0, "fLaC", { name: "flac", demuxer: "flac", times: "stream" }],
  [0, "OggS", { name: "ogg", demuxer: "ogg", times: "stream" }],
  [4, "ftyp", MP4],
  [4, "moov", MP4],
  [4, "mdat", MP4],
  [4, "wide", MP4],
  [4, "styp", MP4],
  [4, "sidx", MP4],
  [4, "moof", MP4],
  [4, "free", MP4],
  [4, "skip", MP4],
  [4, "pnot", MP4],
  [0, "\x1a\x45\xdf\xa3", { name: "matroska", demuxer: "matroska", times: "file" }],
  [8, "AIFF", { name: "aiff", demuxer: "aiff" }],
  [8, "AIFC", { name: "aiff", demuxer: "aiff" }],
  [8, "8SVX", { name: "8svx", demuxer: "iff" }],
  [8, "WAVE", { name: "wav", demuxer: "wav" }],
  [8, "AVI ", { name: "avi", demuxer: "avi", times: "file" }],
  [8, "QLCM", { name: "qcp", demuxer: "qcp" }],
  [0, "riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb", { name: "w64", demuxer: "w64" }],
  [0, "caff", { name: "caf", demuxer: "caf", times: "stream" }],
  [0, "#!AMR", { name: "amr", demuxer: "amr" }],
  [0, ".snd", { name: "au", demuxer: "au" }],
  [0, "MAC ", { name: "ape", demuxer: "ape" }],
  [0, "wvpk", { name: "wavpack", demuxer: "wv" }],
  [0, "TTA1", { name: "tta", demuxer: "tta", times: "stream" }],
  [0, "MPCK", { name: "musepack", demuxer: "mpc8" }],
  [0, "MP+", { name: "musepack", demuxer: "mpc" }],
  [0, "DSD ", { name: "dsf", demuxer: "dsf" }],
  [0, "FRM8", { name: "dff", demuxer: "iff" }],
  [0, "nut/multimedia container\0", { name: "nut", demuxer: "nut", times: "file" }],
  [0, "tBaK", { name: "tak", demuxer: "tak" }],
  [0, "ajkg", { name: "shorten", demuxer: "shn" }],
  [0, "\x02dss", { name: "dss", demuxer: "dss" }],
  [0, "\x03dss", { name: "dss", demuxer: "dss" }],
  [0, "Creative Voice File\x1a", { name: "voc", demuxer: "voc" }],
  [0, "NIST_1A\n", { name: "sphere", demuxer: "nistsphere" }],
  [0, "\x64\xa3\x01\x00", { name: "ircam", demuxer: "ircam" }],
  [0, "\x64\xa3\x02\x00", { name: "ircam", demuxer: "ircam" }],
  [0, "\x64\xa3\x03\x00", { name: "ircam", demuxer: "ircam" }],
  [0, ".SoX", { name: "sox", demuxer: "sox" }],
  [0, "XoS.", { name: "sox", demuxer: "sox" }],
  [0, "2BIT", { name: "avr", demuxer: "avr" }],
  [0, " paf", { name: "paf", demuxer: "epaf" }],
  [0, "fap ", { name: "paf", demuxer: "epaf" }],
  [0, "PVF1\n", { name: "pvf", demuxer: "pvf" }],
  [0, "ALawSoundFile**", { name: "wve", demuxer: "wve" }],
  [0, "#!iLBC", { name: "ilbc", demuxer: "ilbc" }],
  [8, "XWMA", { name: "xwma", demuxer: "xwma" }],
  [4, "\xf8\x72\x6f\xba", { name: "truehd", demuxer: "truehd" }],
  [4, "\xf8\x72\x6f\xbb", { name: "mlp", demuxer: "mlp" }],
  [0, ".ra\xfd", { name: "realaudio", demuxer: "rm" }],
  [0, ".RMF", { name: "realmedia", demuxer: "rm", times: "file" }],
  [0, "\x7f\xfe\x80\x01", { name: "dts", demuxer: "dts" }],
  [0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", { name: "asf", demuxer: "asf", times: "file" }],
  [0, "\x1f\x07\x00", { name: "dv", demuxer: "dv", times: "file" }],
  [0, "\xb7\xd8\x00\x20\x37\x49\xda\x11\xa6\x4e\x00\x07", { name: "wtv", demuxer: "wtv", times: "file" }],
  [0, "FLV\x01", { name: "flv", demuxer: "flv", times: "file" }],
  [0, "\x00\x00\x01\xba", { name: "mpeg", demuxer: "mpeg", times: "file", clockChanges: true }],
  [
    0,
    "\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02",
    { name: "mxf", demuxer: "mxf", times: "file" },
  ],
];

export const TRANSPORT_STREAM: Container = {
  name: "mpegts",
  demuxer: "mpegts",
  times: "file",
  clockChanges: true,
};

/** Named only for the sake of the message. */
export const FOREIGN: ReadonlyArray<Signature<string>> = [
  [0, "PK\x03\x04", "a ZIP archive"],
  [0, "PK\x05\x06", "a ZIP archive"],
  [0, "\x1f\x8b", "a gzip archive"],
  [0, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive"],
  [0, "Rar!\x1a\x07", "a RAR archive"],
  [0, "%PDF-", "a PDF document"],
  [0, "\x7fELF", "a program"],
  [0, "MZ", "a program"],
  [0, "\x89PNG", "a PNG image"],
  [0, "\xff\xd8\xff", "a JPEG image"],
  [0, "GIF8", "a GIF image"],
  [8, "WEBP", "a WebP image"],
  [0, "II*\0", "a TIFF image"],
  [0, "MM\0*", "a TIFF image"],
  [4, "ftypheic", "a HEIC image"],
  [4, "ftypmif1", "a HEIF image"],
  [4, "ftypavif", "an AVIF image"],
  [257, "ustar", "a tar archive"],
  [0, "BZh", "a bzip2 archive"],
  [0, "\xfd7zXZ\0", "an xz archive"],
  [0, "\x28\xb5\x2f\xfd", "a zstd archive"],
  [0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a Microsoft Office document"],
  [0, "SQLite format 3\0", "an SQLite database"],
  [0, "\xca\xfe\xba\xbe", "a program"],
  [0, "\xcf\xfa\xed\xfe", "a program"],
  [0, "\0asm", "a WebAssembly program"],
  [0, "%!PS", "a PostScript document"],
  [0, "{\\rtf", "an RTF document"],
  [0, "wOF2", "a font"],
  [0, "ggml", "a model of ggml's"],
  [0, "lmgg", "a Whisper model, not a recording"],
  [0, "GGUF", "a model in GGUF"],
  [0, "MThd", "a MIDI file: notes, no sound"],
  [0, "\x00\x00\x01\xb3", "an MPEG video stream, which has no sound"],
];

/** Whole packets in a row that are no coincidence. */
const TS_PACKETS = 5;
/** Packet sizes and the place of the synchronisation byte: ISO/IEC 13818-1, Blu-ray (M2TS), DVB with checksums. */
const TS_LAYOUTS = [
  [188, 0],
  [192, 4],
  [204, 0],
] as const;

/** Whether bytes are packets of an MPEG transport stream, from their first packet or from the middle of one. */
export function isTransportStream(bytes: Uint8Array): boolean {
  return TS_LAYOUTS.some(([size, sync]) => {
    const searched = bytes[sync] === 0x47 ? sync + 1 : sync + size;
    for (let start = sync; start < Math.min(searched, bytes.length); start++) {
      const packets = Math.min(TS_PACKETS, Math.floor((bytes.length - start + sync) / size));
      if (packets < 2 || (start > sync && packets < TS_PACKETS)) continue;
      let whole = 0;
      while (whole < packets && bytes[start + whole * size] === 0x47) whole++;
      if (whole === packets) return true;
    }
    return false;
  });
}

export function matchSignature<T>(signatures: ReadonlyArray<Signature<T>>, bytes: Uint8Array): T | undefined {
  return signatures.find(([offset, text]) => startsWith(bytes, offset, text))?.[2];
}

export function startsWith(bytes: Uint8Array, offset: number, latin1: string): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("latin1", offset, offset + latin1.length) === latin1;
}
