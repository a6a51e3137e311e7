import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { open } from "../support/audio.js";
import { finite, RECORDINGS, recording } from "./audio-readers.js";
import type { Reader } from "./reader.js";

/** Seconds without an answer of the decoder's that are a hang, on a busy machine too. */
const TIMEOUT = 90;

/** Recordings that FFmpeg decodes, in a child each; undefined where there is no FFmpeg. */
export function ffmpegReader(): (Reader & { settle(): Promise<void> }) | undefined {
  if (spawnSync(process.env.AGORA_FFMPEG ?? "ffmpeg", ["-version"]).status !== 0) return undefined;
  /** After the first run: Node.js keeps something of its own for children. */
  let before: { files: number; children: number } | undefined;
  return {
    name: "ffmpeg",
    seeds: RECORDINGS.map((kind) => recording(`tone.${kind}`)),
    async read(bytes) {
      const limits = { maxDuration: 600, decodeTimeout: TIMEOUT };
      try {
        const audio = await open(bytes, { channels: "mix", limits });
        let blocks = 0;
        for await (const tracks of audio.blocks()) blocks += finite(tracks);
        return blocks;
      } catch (error) {
        if ((error as Error).message.includes("timeout, the audio did not arrive")) {
          throw new Error(`the decoder hangs: ${(error as Error).message}`);
        }
        throw error;
      } finally {
        before ??= { files: openFiles(), children: children() };
      }
    },
    refusals: ["DECODE_FAILED", "UNSUPPORTED_FORMAT", "AUDIO_TOO_LONG"],
    /** Waits until all children and descriptors are back. @throws Error when they do not come back */
    async settle() {
      if (!before) return;
      const { files, children: processes } = before;
      for (let tries = 0; tries < 100; tries++) {
        if (openFiles() <= files && children() <= processes) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(
        `Descriptors: ${files} after the first run, ${openFiles()} in the end; children: ${processes}, ${children()}`,
      );
    },
  };
}

function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}

function children(): number {
  return readdirSync("/proc/self/task")
    .flatMap((thread) => readFileSync(`/proc/self/task/${thread}/children`, "utf8").split(" "))
    .filter((id) => id.trim() !== "").length;
}
