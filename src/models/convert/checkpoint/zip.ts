import { quoted } from "../errors.js";
import type { SourceFile } from "./source-file.js";

/** A file inside a ZIP archive, stored as it is. */
export interface ZipEntry {
  name: string;
  /** Of its first byte in the archive. */
  offset: number;
  size: number;
}

const END_OF_DIRECTORY = 0x06054b50;
const END_OF_DIRECTORY_64_LOCATOR = 0x07064b50;
const END_OF_DIRECTORY_64 = 0x06064b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
const LOCAL_HEADER_BYTES = 30;
const ZIP64_FIELD = 0x0001;
const MAX_COMMENT_BYTES = 65_535;
/** A checkpoint of a thousand tensors has a directory of about 100 kB. */
const MAX_DIRECTORY_BYTES = 8 * 1024 * 1024;

/**
 * The entries of a ZIP archive, of more than 4 GB too (ZIP64), by name. Compressed and encrypted entries are refused:
 * PyTorch writes neither.
 * Source: PKWARE APPNOTE.TXT 6.3, sections 4.3 to 4.5.
 * @throws TranscriptionError MODEL_INVALID
 */
export async function readZip(file: SourceFile): Promise<Map<string, ZipEntry>> {
  const { offset, size } = await findDirectory(file);
  if (size > MAX_DIRECTORY_BYTES) throw file.invalid(`its ZIP directory has ${size} bytes`);
  const directory = await file.read(offset, size, "its ZIP directory");
  const entries = new Map<string, ZipEntry>();
  for (let position = 0; position < size; ) {
    if (position + 46 > size || directory.readUInt32LE(position) !== DIRECTORY_ENTRY) {
      throw file.invalid("its ZIP directory is damaged");
    }
    const nameEnd = position + 46 + directory.readUInt16LE(position + 28);
    const extraEnd = nameEnd + directory.readUInt16LE(position + 30);
    if (extraEnd > size) throw file.invalid("its ZIP directory is damaged");
    const name = directory.toString("utf8", position + 46, nameEnd);
    if (entries.has(name)) throw file.invalid(`it has the ZIP entry ${quoted(name)} twice`);
    entries.set(
      name,
      await readEntry(
        file,
        name,
        directory.subarray(position, position + 46),
        directory.subarray(nameEnd, extraEnd),
      ),
    );
    position = extraEnd + directory.readUInt16LE(position + 32);
  }
  return entries;
}

/** Where the central directory lies, from the records at the end of the archive. */
async function findDirectory(file: SourceFile): Promise<{ offset: number; size: number }> {
  const tailStart = Math.max(0, file.size - MAX_COMMENT_BYTES - 22);
  const tail = await file.read(tailStart, file.size - tailStart, "its end");
  let end = tail.length - 22;
  while (end >= 0 && tail.readUInt32LE(end) !== END_OF_DIRECTORY) end--;
  if (end < 0) throw file.invalid("it is no ZIP archive, or it is cut off");
  const locator = end - 20;
  if (locator < 0 || tail.readUInt32LE(locator) !== END_OF_DIRECTORY_64_LOCATOR) {
    return { size: tail.readUInt32LE(end + 12), offset: tail.readUInt32LE(end + 16) };
  }
  const recordOffset = toNumber(file, tail.readBigUInt64LE(locator + 8));
  const record = await file.read(recordOffset, 56, "its ZIP64 record");
  if (record.readUInt32LE() !== END_OF_DIRECTORY_64) throw file.invalid("its ZIP64 record is damaged");
  return {
    size: toNumber(file, record.readBigUInt64LE(40)),
    offset: toNumber(file, record.readBigUInt64LE(48)),
  };
}

async function readEntry(file: SourceFile, name: string, header: Buffer, extra: Buffer): Promise<ZipEntry> {
  const fail = (problem: string) => file.invalid(`the ZIP entry ${quoted(name)} ${problem}`);
  if (header.readUInt16LE(8) & 1) throw fail("is encrypted");
  const method = header.readUInt16LE(10);
  if (method !== 0)
    throw fail(`is compressed (method ${method}); PyTorch stores tensors uncompressed: save it again`);

  // Fields that do not fit are all ones, and follow in the ZIP64 field in this order.
  const zip64 = zip64Field(extra);
  let position = 0;
  const wide = (value: number): number => {
    if (value !== 0xffffffff) return value;
    if (position + 8 > zip64.length) throw fail("lacks its ZIP64 sizes");
    position += 8;
    return toNumber(file, zip64.readBigUInt64LE(position - 8));
  };
  const size = wide(header.readUInt32LE(24));
  const stored = wide(header.readUInt32LE(20));
  const headerOffset = wide(header.readUInt32LE(42));
  if (stored !== size) throw fail(`takes ${stored} bytes for ${size}`);

  const local = await file.read(
    headerOffset,
    LOCAL_HEADER_BYTES,
    `the header of the ZIP entry ${quoted(name)}`,
  );
  if (local.readUInt32LE() !== LOCAL_HEADER) throw fail("has no header of its own");
  const offset = headerOffset + LOCAL_HEADER_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28);
  if (offset + size > file.size) throw fail("reaches beyond the end of the file");
  return { name, offset, size };
}

function zip64Field(extra: Buffer): Buffer {
  for (let position = 0; position + 4 <= extra.length; ) {
    const end = position + 4 + extra.readUInt16LE(position + 2);
    if (extra.readUInt16LE(position) === ZIP64_FIELD) return extra.subarray(position + 4, end);
    position = end;
  }
  return Buffer.alloc(0);
}

function toNumber(file: SourceFile, value: bigint): number {
  if (value > BigInt(file.size)) throw file.invalid(`its ZIP records point to byte ${value}, beyond its end`);
  return Number(value);
}
