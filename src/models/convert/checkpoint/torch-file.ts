import { quoted, shapeText } from "../errors.js";
import { type Pickled, readPickle } from "./pickle.js";
import { PickleTensor, type PickleValue } from "./pickle-objects.js";
import type { SourceFile } from "./source-file.js";
import { ELEMENT_BYTES, type ElementType, elementCount, type StoredTensor } from "./tensor.js";
import { readZip, type ZipEntry } from "./zip.js";

/** A checkpoint of a thousand tensors has a pickle of about 100 kB. */
const MAX_PICKLE_BYTES = 16 * 1024 * 1024;

const STORAGE_TYPES: Readonly<Record<string, ElementType>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

/** Where checkpoints of PyTorch Lightning have the model, beside what is known of its training. */
const STATE = "state_dict";

/**
 * The tensors of a file that `torch.save` wrote, PyTorch 1.6 and later: a ZIP archive with a pickle, which is read
 * without running anything, and one entry per storage. Tensors may share storages. Of a checkpoint of PyTorch Lightning
 * the model's own are read.
 * @throws TranscriptionError MODEL_INVALID
 */
export async function readTorchFile(file: SourceFile): Promise<StoredTensor[]> {
  await refuseOldFormat(file);
  const entries = await readZip(file);
  const pickle = [...entries.values()].find(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (!pickle) throw file.invalid("it has no data.pkl: it was not written by torch.save");
  if (pickle.size > MAX_PICKLE_BYTES) throw file.invalid(`its pickle has ${pickle.size} bytes`);
  const folder = pickle.name.slice(0, -"data.pkl".length);
  await refuseBigEndian(file, entries.get(`${folder}byteorder`));

  const pickled = readPickle(await file.read(pickle.offset, pickle.size, "its pickle"), (problem) =>
    file.invalid(problem),
  );
  const state = stateOf(file, pickled);
  const tensors: StoredTensor[] = [];
  for (const [name, value] of state) {
    if (typeof name !== "string") throw file.invalid("its pickle has a key that is no text");
    if (!(value instanceof PickleTensor)) {
      throw file.invalid(`its entry ${quoted(name)} is no tensor; expected a plain state dictionary`);
    }
    tensors.push(locate(file, name, value, entries.get(`${folder}data/${value.storage.key}`)));
  }
  return tensors;
}

/** The dictionary of tensors. Only what is beside one may be foreign. */
function stateOf(file: SourceFile, { value, foreign }: Pickled): Map<PickleValue, PickleValue> {
  const inner = value instanceof Map ? value.get(STATE) : undefined;
  if (inner instanceof Map) return inner;
  if (foreign !== undefined) {
    throw file.invalid(
      `its pickle names ${quoted(foreign)}, which a dictionary of tensors does not need; nothing of it was run`,
    );
  }
  if (value instanceof Map) return value;
  throw file.invalid("its pickle is no dictionary of tensors");
}

function locate(
  file: SourceFile,
  name: string,
  { storage, offset, shape, strides }: PickleTensor,
  entry: ZipEntry | undefined,
): StoredTensor {
  const fail = (problem: string) => file.invalid(`tensor ${quoted(name)} ${problem}`);
  const type = Object.hasOwn(STORAGE_TYPES, storage.kind) ? STORAGE_TYPES[storage.kind] : undefined;
  if (!type) throw fail(`lies in a ${storage.kind}, which is not supported`);
  if (!entry) throw fail(`lies in the storage ${quoted(storage.key)}, which the file does not have`);
  const elements = elementCount([storage.elements]);
  if (elements === undefined || elements * ELEMENT_BYTES[type] > entry.size) {
    throw fail(`lies in a storage of ${storage.elements} elements, but its data has ${entry.size} bytes`);
  }
  const count = elementCount(shape);
  if (count === undefined) throw fail(`has the shape ${shapeText(shape)}`);
  if (!isContiguous(shape, strides)) {
    const steps = `strides ${shapeText(strides)} for the shape ${shapeText(shape)}`;
    throw fail(`is a view that is not contiguous (${steps}): call .contiguous() before saving`);
  }
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + count > elements) {
    throw fail(`reaches beyond its storage of ${elements} elements`);
  }
  return { name, type, shape, file, offset: entry.offset + offset * ELEMENT_BYTES[type] };
}

/** Row-major without gaps. The stride of a dimension of one element means nothing. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return false;
    expected *= shape[i]!;
  }
  return true;
}

async function refuseOldFormat(file: SourceFile): Promise<void> {
  const start = await file.read(0, Math.min(4, file.size), "its first bytes");
  if (start.toString("latin1") === "PK\x03\x04") return;
  if (start[0] === 0x80) {
    throw file.invalid("it has the format of PyTorch before 1.6: load and save it with a newer one");
  }
  throw file.invalid("it is no ZIP archive written by torch.save");
}

async function refuseBigEndian(file: SourceFile, entry: ZipEntry | undefined): Promise<void> {
  if (!entry) return;
  const order = (await file.read(entry.offset, Math.min(entry.size, 16), "its byte order")).toString(
    "latin1",
  );
  if (order !== "little") throw file.invalid(`its byte order is ${quoted(order)}, expected "little"`);
}
