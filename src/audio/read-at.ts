import type { FileHandle } from "node:fs/promises";
import type { DecodeTask } from "./decode-task.js";

/** Reads up to `count` bytes at `position`. */
export type ReadAt = (position: number, count: number) => Promise<Uint8Array>;

export function readerAt(file: FileHandle, task: DecodeTask): ReadAt {
  return async (position, count) => {
    const { buffer, bytesRead } = await task.wait(file.read(Buffer.alloc(count), 0, count, position));
    return buffer.subarray(0, bytesRead);
  };
}
