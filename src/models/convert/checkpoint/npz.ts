import { quoted } from "../errors.js";
import type { SourceFile } from "./source-file.js";
import { ELEMENT_BYTES, type ElementType, elementCount, type StoredTensor } from "./tensor.js";
import { readZip, type ZipEntry } from "./zip.js";

const TYPES: Readonly<Record<string, ElementType>> = { "<f8": "F64", "<f4": "F32", "<f2": "F16" };
const MAX_HEADER_BYTES = 4096;

/**
 * The arrays of a file that `numpy.savez` wrote, by name: a ZIP archive of `.npy` files, uncompressed. Only little-endian
 * floating-point numbers in C order.
 * Source: numpy, lib/format.py, versions 1 and 2 of the format.
 * @throws TranscriptionError MODEL_INVALID
 */
export async function readNpz(file: SourceFile): Promise<StoredTensor[]> {
  const tensors: StoredTensor[] = [];
  for (const entry of (await readZip(file)).values()) {
    if (entry.name.endsWith(".npy")) tensors.push(await readNpy(file, entry));
  }
  return tensors;
}

async function readNpy(file: SourceFile, { name: entry, offset, size }: ZipEntry): Promise<StoredTensor> {
  const name = entry.slice(0, -".npy".length);
  const fail = (problem: string) => file.invalid(`array ${quoted(name)} ${problem}`);
  const start = await file.read(offset, Math.min(12, size), `array ${name}`);
  if (start.length < 12 || start.toString("latin1", 0, 6) !== "\x93NUMPY") throw fail("is no .npy file");
  const wide = start[6]! > 1;
  const headerBytes = wide ? start.readUInt32LE(8) : start.readUInt16LE(8);
  const headerStart = offset + (wide ? 12 : 10);
  if (headerBytes > MAX_HEADER_BYTES) throw fail(`has a header of ${headerBytes} bytes`);
  const header = (await file.read(headerStart, headerBytes, `array ${name}`)).toString("latin1");
  const kind = /'descr':\s*'([^']*)'/.exec(header)?.[1] ?? "";
  const dimensions = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  const type = Object.hasOwn(TYPES, kind) ? TYPES[kind] : undefined;
  if (!type || dimensions === undefined || !/'fortran_order':\s*False/.test(header)) {
    throw fail(`has the header ${quoted(header.trim())}, expected floats in C order`);
  }
  const shape = dimensions
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  const count = elementCount(shape);
  const data = headerStart + headerBytes;
  if (count === undefined || data + count * ELEMENT_BYTES[type] > offset + size) {
    throw fail("is larger than its entry");
  }
  return { name, type, shape, file, offset: data };
}
