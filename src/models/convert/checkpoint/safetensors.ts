import { quoted, shownValue } from "../errors.js";
import { parseJson } from "./json.js";
import type { SourceFile } from "./source-file.js";
import { ELEMENT_BYTES, type ElementType, elementCount, type StoredTensor } from "./tensor.js";

/** The limit of the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * The tensors of a safetensors file: 8 bytes length, a JSON header, then the data.
 * Source: https://huggingface.co/docs/safetensors, “Format”.
 * @throws TranscriptionError MODEL_INVALID
 */
export async function readSafetensors(file: SourceFile): Promise<StoredTensor[]> {
  const headerBytes = (await file.read(0, 8, "the length of its header")).readBigUInt64LE();
  if (headerBytes > MAX_HEADER_BYTES) throw file.invalid(`its header has a length of ${headerBytes} bytes`);
  const header = parseJson(await file.read(8, Number(headerBytes), "its header"), file, "its header");
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw file.invalid("its header is not a JSON object");
  }
  const dataStart = 8 + Number(headerBytes);
  const tensors = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => toTensor(file, dataStart, name, entry));
  refuseOverlaps(file, tensors);
  return tensors;
}

function toTensor(file: SourceFile, dataStart: number, name: string, entry: unknown): StoredTensor {
  const fail = (problem: string) => file.invalid(`tensor ${quoted(name)} ${problem}`);
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (typeof dtype !== "string" || !Object.hasOwn(ELEMENT_BYTES, dtype)) {
    throw fail(`has the dtype ${shownValue(dtype)}, which is not supported`);
  }
  const type = dtype as ElementType;
  const count = Array.isArray(shape) ? elementCount(shape) : undefined;
  if (count === undefined) throw fail("has no valid shape");
  if (!isRange(offsets, file.size - dataStart)) throw fail("has data_offsets outside the file");
  const [begin, end] = offsets;
  if (end - begin !== count * ELEMENT_BYTES[type]) {
    throw fail(`has ${end - begin} bytes of data, expected ${count * ELEMENT_BYTES[type]} for its shape`);
  }
  return { name, type, shape: shape as number[], file, offset: dataStart + begin };
}

function isRange(value: unknown, limit: number): value is [number, number] {
  if (!Array.isArray(value) || value.length !== 2 || !value.every((n) => Number.isSafeInteger(n)))
    return false;
  const [begin, end] = value as [number, number];
  return 0 <= begin && begin <= end && end <= limit;
}

/** The format forbids them; a file that has them was not made by an honest writer. */
function refuseOverlaps(file: SourceFile, tensors: readonly StoredTensor[]): void {
  const extents = tensors
    .map(({ name, type, shape, offset }) => ({
      name,
      offset,
      end: offset + elementCount(shape)! * ELEMENT_BYTES[type],
    }))
    .filter(({ offset, end }) => end > offset)
    .sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < extents.length; i++) {
    const [before, tensor] = [extents[i - 1]!, extents[i]!];
    if (tensor.offset < before.end) {
      throw file.invalid(`tensors ${quoted(before.name)} and ${quoted(tensor.name)} overlap`);
    }
  }
}
