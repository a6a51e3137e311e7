import type { Ffmpeg } from "./ffmpeg.js";
import type { Container } from "./sniff.js";
import { SAMPLE_RATE } from "./types.js";

/** Largest single allocation in bytes; the index of a 12-hour MP4 stays far below. */
const MAX_ALLOCATION = 256 * 1024 * 1024;

/** Seconds that FFmpeg may run past the limit, so that it is us who notice. */
const OVERRUN = 2;
const LONGEST_DURATION = 1e9;

/**
 * Decoders that may run. FFmpeg opens a decoder for every stream while it probes, also for pictures and video that
 * are never decoded for us, and those have the longer history of holes.
 */
const DECODERS = [
  "aac,aac_fixed,aac_latm,ac3,ac3_fixed,eac3,alac,als,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,ape",
  "dca,flac,g722,g723_1,g726,g726le,g729,gsm,gsm_ms,libgsm,libgsm_ms,ilbc,libilbc,mlp,truehd",
  "mp1,mp1float,mp2,mp2float,mp3,mp3float,mp3adu,mp3adufloat,opus,libopus,vorbis,libvorbis,speex,libspeex",
  "pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,pcm_u16le,pcm_u16be,pcm_s16le,pcm_s16be,pcm_u24le,pcm_u24be,pcm_s24le",
  "pcm_s24be,pcm_u32le,pcm_u32be,pcm_s32le,pcm_s32be,pcm_s64le,pcm_s64be,pcm_f16le,pcm_f24le,pcm_f32le",
  "pcm_f32be,pcm_f64le,pcm_f64be,adpcm_ima_wav,adpcm_ima_qt,adpcm_ms,adpcm_g722,adpcm_g726,adpcm_g726le",
  "adpcm_yamaha,adpcm_swf,qcelp,evrc,qdm2,qdmc,mace3,mace6,sipr,cook,truespeech,tta,wavpack",
  "wmav1,wmav2,wmapro,wmalossless,wmavoice",
].join();

/** The file descriptor that the child finds its input at. */
const INPUT_FD = 3;
/** Its name, without any part that a caller has influence on. */
export const INPUT_URL = `file:/proc/self/fd/${INPUT_FD}`;

/** The command line that turns the first audio stream of the input into 16 kHz float WAV on stdout. */
export function ffmpegArguments(ffmpeg: Ffmpeg, container: Container, maxDuration: number): string[] {
  return [
    // Lines marked with their level: errors become warnings of ours, "info" tells codec and duration.
    ...["-nostdin", "-hide_banner", "-nostats", "-loglevel", "repeat+level+info"],
    ...["-max_alloc", String(MAX_ALLOCATION), "-filter_threads", "1", "-threads", "1"],
    ...["-protocol_whitelist", "file,pipe", "-format_whitelist", whitelisted(container.demuxer)],
    ...["-codec_whitelist", DECODERS, "-f", container.demuxer, "-vn", "-sn", "-dn", "-i", INPUT_URL],
    ...["-map", "0:a:0", "-map_metadata", "-1", "-vn", "-sn", "-dn"],
    ...["-af", resampleFilter(ffmpeg, container), "-c:a", "pcm_f32le"],
    ...["-t", String(Math.min(Math.ceil(maxDuration) + OVERRUN, LONGEST_DURATION)), "-flush_packets", "0"],
    ...["-f", "wav", "pipe:1"],
  ];
}

/** The whitelist wants a demuxer's full name. */
function whitelisted(demuxer: string): string {
  const fullNames: Record<string, string> = { mov: "mov,mp4,m4a,3gp,3g2,mj2", matroska: "matroska,webm" };
  return fullNames[demuxer] ?? demuxer;
}

/**
 * First the clock, then the rate. `async=1` fills gaps in the packets' times with silence, so that what follows stays
 * on the recording's clock; `first_pts=0` does the same before the first packet. Not so where packets carry no times:
 * there a change of rate midway puts FFmpeg's guesses wrong, and audio would be lost. And not in one filter with the
 * resampler: while filling a gap, soxr loses the second that follows.
 */
function resampleFilter(ffmpeg: Ffmpeg, container: Container): string {
  const clock = { file: "aresample=async=1:first_pts=0,", stream: "aresample=async=1,", none: "" };
  const quality = ffmpeg.soxr ? "resampler=soxr:precision=28" : "filter_size=64:phase_shift=10:cutoff=0.97";
  return `${clock[container.times ?? "none"]}aresample=${SAMPLE_RATE}:${quality}`;
}
