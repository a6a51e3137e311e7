import { SAMPLE_RATE } from "../types/audio.js";
import type { Container } from "./containers.js";
import type { Ffmpeg } from "./ffmpeg.js";

/** Largest single allocation in bytes; the index of a 12-hour MP4 stays far below. */
const MAX_ALLOCATION = 256 * 1024 * 1024;

/**
 * Decoders that may run. FFmpeg opens a decoder for every stream while it probes, also for pictures and video that
 * are never decoded for us, and those have the longer history of holes.
 */
const DECODERS = [
  "aac,aac_latm,ac3,eac3,alac,amrnb,amrwb,ape,dca,flac,g722,g723_1,g726,g726le,g729,gsm,gsm_ms,libgsm,libgsm_ms",
  "libopencore_amrnb,libopencore_amrwb,ilbc,libilbc,mp1,mp1float,mp2,mp2float,mp3,mp3float,mp3adu,mp3adufloat",
  "mp3on4,mp3on4float,als,opus,libopus,vorbis,libvorbis,speex,libspeex,libcodec2,qcelp,evrc,sipr,cook,truespeech",
  "tta,tak,shorten,wavpack,wmav1,wmav2,wmapro,wmalossless,wmavoice,mpc7,mpc8,nellymoser,real_144,real_288,ralf",
  "atrac1,atrac3,atrac3al,atrac3plus,atrac3plusal,s302m,qdm2,qdmc,mace3,mace6,truehd,mlp,sbc,aptx,aptx_hd,siren",
  "msnsiren,acelp.kelvin,dss_sp,dvaudio,imc,iac,8svx_exp,8svx_fib,comfortnoise",
  "dsd_lsbf,dsd_msbf,dsd_lsbf_planar,dsd_msbf_planar,dst,pcm_alaw,pcm_mulaw,pcm_vidc,pcm_bluray,pcm_dvd,pcm_lxf",
  "pcm_u8,pcm_s8,pcm_s8_planar,pcm_u16le,pcm_u16be,pcm_u24le,pcm_u24be,pcm_u32le,pcm_u32be,pcm_s16le,pcm_s16be",
  "pcm_s16le_planar,pcm_s16be_planar,pcm_s24le,pcm_s24be,pcm_s24le_planar,pcm_s24daud,pcm_s32le,pcm_s32be",
  "pcm_s32le_planar,pcm_s64le,pcm_s64be,pcm_f16le,pcm_f24le,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be",
  "adpcm_ima_wav,adpcm_ima_qt,adpcm_ima_oki,adpcm_ima_dk3,adpcm_ima_dk4,adpcm_ima_amv,adpcm_ms,adpcm_yamaha",
  "adpcm_swf,adpcm_adx,adpcm_ct,adpcm_sbpro_2,adpcm_sbpro_3,adpcm_sbpro_4",
].join();

/** Seconds. */
const LONGEST_BROADCAST_HOLE = 3600;

/** The file descriptor that the child finds its input at. */
const INPUT_FD = 3;
/** Its name, without any part that a caller has influence on. */
export const INPUT_URL = `file:/proc/self/fd/${INPUT_FD}`;

/**
 * The command line that turns an audio stream of the input into 16 kHz float samples in Matroska on stdout: of the
 * formats that every FFmpeg writes into a pipe the one that gives each packet its time.
 *
 * Times stay as the input has them, from the beginning of its first stream (`-copyts -start_at_zero`): holes and jumps
 * are for {@link RecordingClock} to judge, which neither corrects them away nor fills hours in memory.
 * @param track which of the audio streams, from 0
 */
export function ffmpegArguments(ffmpeg: Ffmpeg, container: Container, track: number): string[] {
  const { demuxer, skip = 0 } = container;
  return [
    // Lines marked with their level: errors become warnings of ours, "info" tells codec and duration.
    // "verbose" how broadcast times are changed.
    ...["-nostdin", "-hide_banner", "-nostats"],
    ...["-loglevel", `repeat+level+${container.clockChanges ? "verbose" : "info"}`],
    ...["-max_alloc", String(MAX_ALLOCATION), "-filter_threads", "1", "-threads", "1"],
    ...["-protocol_whitelist", "file,pipe", "-format_whitelist", whitelisted(demuxer)],
    ...clock(container),
    ...(skip > 0 ? ["-skip_initial_bytes", String(skip)] : []),
    ...["-codec_whitelist", DECODERS, "-f", demuxer, "-vn", "-sn", "-dn", "-i", INPUT_URL],
    ...["-map", `0:a:${track}`, "-map_metadata", "-1", "-map_chapters", "-1", "-vn", "-sn", "-dn"],
    ...["-af", resampler(ffmpeg), "-c:a", "pcm_f32le", "-flush_packets", "0"],
    ...["-avoid_negative_ts", "disabled", "-f", "matroska", "pipe:1"],
  ];
}

/** Broadcast clocks start anew at any place, which FFmpeg follows; a hole of up to an hour is a hole. */
function clock({ clockChanges }: Container): string[] {
  return clockChanges
    ? ["-dts_delta_threshold", String(LONGEST_BROADCAST_HOLE)]
    : ["-copyts", "-start_at_zero"];
}

/** The whitelist wants a demuxer's full name. */
function whitelisted(demuxer: string): string {
  const fullNames: Record<string, string> = { mov: "mov,mp4,m4a,3gp,3g2,mj2", matroska: "matroska,webm" };
  return fullNames[demuxer] ?? demuxer;
}

function resampler(ffmpeg: Ffmpeg): string {
  const quality = ffmpeg.soxr ? "resampler=soxr:precision=28" : "filter_size=64:phase_shift=10:cutoff=0.97";
  return `aresample=${SAMPLE_RATE}:${quality}`;
}
