import { quoted } from "../errors.js";
import type { SourceFile } from "./source-file.js";
import { ELEMENT_BYTES, type ElementType, elementCount, type StoredTensor } from "./tensor.js";

/** The one version of the format that converters of CTranslate2 2 to 4 write. */
const VERSION = 6;
/** The largest Whisper has 1 600 with all its scales. */
const MAX_VARIABLES = 20_000;
const MAX_NAME_BYTES = 512;
const MAX_DIMENSIONS = 8;
/** Name, dimensions, type and size of a variable. */
const MAX_HEADER_BYTES = 2 + MAX_NAME_BYTES + 1 + 4 * MAX_DIMENSIONS + 1 + 4;

/** CTranslate2's numbers of types, `enum DataType`. */
const TYPES: readonly ElementType[] = ["F32", "I8", "I16", "I32", "F16", "BF16"];

/** What a `model.bin` of CTranslate2 holds. */
export interface Ctranslate2Model {
  /** Class of the model's specification: `"WhisperSpec"`. */
  spec: string;
  /** Weights as they are stored, and numbers without dimensions that tell how the model computes. */
  variables: Map<string, StoredTensor>;
}

/**
 * Reads everything but the variables' data. Layout, little endian: u32 version, string specification, u32 revision,
 * u32 count; of each variable its name, u8 rank, u32 dimensions, u8 type, u32 bytes, data; u32 count of aliases, then
 * alias and name of each. A string is a u16 length and as many bytes, the last of which is NUL.
 * Source: OpenNMT/CTranslate2, python/ctranslate2/specs/model_spec.py, `_serialize()`.
 * @throws TranscriptionError MODEL_INVALID
 */
export async function readCtranslate2(file: SourceFile): Promise<Ctranslate2Model> {
  const start = new Cursor(await headerAt(file, 0), file, "its header");
  const version = start.uint32();
  if (version !== VERSION) {
    throw file.invalid(`it has version ${version} of CTranslate2's format, expected ${VERSION}`);
  }
  const spec = start.text();
  start.uint32(); // revision of the specification
  const count = start.uint32();
  if (count > MAX_VARIABLES) throw file.invalid(`it announces ${count} variables`);

  const variables = new Map<string, StoredTensor>();
  let position = start.position;
  for (let i = 0; i < count; i++) {
    const header = new Cursor(await headerAt(file, position), file, `variable ${i} of ${count}`);
    const { tensor, bytes } = readVariable(header, file, position);
    if (variables.has(tensor.name)) throw file.invalid(`it has variable ${quoted(tensor.name)} twice`);
    variables.set(tensor.name, tensor);
    position = tensor.offset + bytes;
  }
  await readAliases(file, position, variables);
  return { spec, variables };
}

function readVariable(
  header: Cursor,
  file: SourceFile,
  position: number,
): { tensor: StoredTensor; bytes: number } {
  const name = header.text();
  const fail = (problem: string) => file.invalid(`variable ${quoted(name)} ${problem}`);
  const rank = header.uint8();
  if (rank > MAX_DIMENSIONS) throw fail(`has ${rank} dimensions`);
  const shape = Array.from({ length: rank }, () => header.uint32());
  const number = header.uint8();
  const type = TYPES[number];
  if (!type) throw fail(`has the type ${number}, which is not supported`);
  const bytes = header.uint32();
  const elements = elementCount(shape);
  if (elements === undefined || bytes !== elements * ELEMENT_BYTES[type]) {
    throw fail(`has ${bytes} bytes of data, expected those of [${shape.join(", ")}] in ${type}`);
  }
  const offset = position + header.position;
  if (offset + bytes > file.size) throw file.invalid(`it ends inside variable ${quoted(name)}`);
  return { tensor: { name, type, shape, file, offset }, bytes };
}

/** Further names of variables. Nothing may follow. */
async function readAliases(
  file: SourceFile,
  start: number,
  variables: Map<string, StoredTensor>,
): Promise<void> {
  const count = (await file.read(start, 4, "its number of aliases")).readUInt32LE();
  if (count > variables.size) throw file.invalid(`it announces ${count} aliases`);
  let position = start + 4;
  for (let i = 0; i < count; i++) {
    const cursor = new Cursor(await headerAt(file, position, 2), file, "its aliases");
    const alias = cursor.text();
    const name = cursor.text();
    const tensor = variables.get(name);
    if (!tensor) throw file.invalid(`alias ${quoted(alias)} names ${quoted(name)}, which it does not have`);
    if (variables.has(alias)) throw file.invalid(`alias ${quoted(alias)} is a variable's name`);
    variables.set(alias, tensor);
    position += cursor.position;
  }
  if (position !== file.size) {
    throw file.invalid(`it has ${file.size - position} bytes behind its last variable`);
  }
}

/** Enough bytes for what begins at `position`, or what there is of the file. */
function headerAt(file: SourceFile, position: number, times = 1): Promise<Buffer> {
  const length = Math.min(times * MAX_HEADER_BYTES, Math.max(0, file.size - position));
  return file.read(position, length, "a variable's name");
}

/** Reads values one after another. */
class Cursor {
  position = 0;

  constructor(
    private readonly bytes: Buffer,
    private readonly file: SourceFile,
    private readonly what: string,
  ) {}

  uint8(): number {
    return this.bytes.readUInt8(this.#advance(1));
  }

  uint32(): number {
    return this.bytes.readUInt32LE(this.#advance(4));
  }

  /** Ends with NUL, which does not belong to it. */
  text(): string {
    const length = this.bytes.readUInt16LE(this.#advance(2));
    if (length === 0 || length > MAX_NAME_BYTES) {
      throw this.file.invalid(`${this.what} has a name of ${length} bytes`);
    }
    const start = this.#advance(length);
    const text = this.bytes.toString("utf8", start, start + length - 1);
    if (this.bytes[start + length - 1] !== 0 || text.includes("\0")) {
      throw this.file.invalid(`${this.what} has a name that does not end with NUL`);
    }
    return text;
  }

  #advance(length: number): number {
    if (this.position + length > this.bytes.length) throw this.file.invalid(`it ends inside ${this.what}`);
    this.position += length;
    return this.position - length;
  }
}
