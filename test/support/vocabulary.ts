import { readFileSync } from "node:fs";

const HYPER_PARAMETERS_END = 4 + 11 * 4;

/** Ids of the tokens of a whisper.cpp model file whose text contains `text`, ignoring case. */
export function tokensWith(path: string, text: string): number[] {
  const file = readFileSync(path);
  const [bands, bins] = [file.readInt32LE(HYPER_PARAMETERS_END), file.readInt32LE(HYPER_PARAMETERS_END + 4)];
  let position = HYPER_PARAMETERS_END + 8 + 4 * bands * bins;
  const count = file.readInt32LE(position);
  position += 4;
  const found: number[] = [];
  for (let id = 0; id < count; id++) {
    const length = file.readInt32LE(position);
    const token = file.toString("utf8", position + 4, position + 4 + length);
    if (token.toLowerCase().includes(text)) found.push(id);
    position += 4 + length;
  }
  return found;
}
