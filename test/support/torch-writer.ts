import type { TestTensor, TestTensors } from "./safetensors-writer.js";

const STORAGES = {
  F64: "DoubleStorage",
  F32: "FloatStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  I64: "LongStorage",
};
const ELEMENT_BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8 };

/** Where a tensor lies in its storage; by default it fills one of its own. */
export interface View {
  storage: string;
  offset: number;
  shape: readonly number[];
  strides: readonly number[];
}

/** Opcodes of pickle's protocol 2, as far as `torch.save` uses them. */
export const pickle = {
  text: (value: string): Buffer => {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from("X"), int32(bytes.length), bytes]);
  },
  integer: (value: number): Buffer => Buffer.concat([Buffer.from("J"), int32(value)]),
  global: (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`),
  tuple: (...items: Buffer[]): Buffer => Buffer.concat([Buffer.from("("), ...items, Buffer.from("t")]),
  call: (callee: Buffer, args: Buffer): Buffer => Buffer.concat([callee, args, Buffer.from("R")]),
  dictionary: (entries: readonly [string, Buffer][]): Buffer =>
    Buffer.concat([
      Buffer.from("}("),
      ...entries.flatMap(([key, value]) => [pickle.text(key), value]),
      Buffer.from("u"),
    ]),
  program: (value: Buffer): Buffer => Buffer.concat([Buffer.from([0x80, 2]), value, Buffer.from(".")]),
};

/** `torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, False, OrderedDict())` */
export function pickledTensor(type: TestTensor["type"], view: View, storageElements: number): Buffer {
  const id = pickle.tuple(
    pickle.text("storage"),
    pickle.global("torch", STORAGES[type]),
    pickle.text(view.storage),
    pickle.text("cpu"),
    pickle.integer(storageElements),
  );
  return pickle.call(
    pickle.global("torch._utils", "_rebuild_tensor_v2"),
    pickle.tuple(
      Buffer.concat([id, Buffer.from("Q")]),
      pickle.integer(view.offset),
      pickle.tuple(...view.shape.map(pickle.integer)),
      pickle.tuple(...view.strides.map(pickle.integer)),
      Buffer.from([0x89]),
      pickle.call(pickle.global("collections", "OrderedDict"), Buffer.from(")")),
    ),
  );
}

export function rowMajor(shape: readonly number[]): number[] {
  return shape.map((_, i) => shape.slice(i + 1).reduce((product, size) => product * size, 1));
}

/** A file as `torch.save` writes it for a state dictionary, each tensor in a storage of its own. */
export function torchFile(tensors: TestTensors, options: ZipOptions = {}): Buffer {
  const entries: [string, Buffer][] = [];
  const files: [string, Uint8Array][] = [];
  for (const [name, { type, shape, bytes }] of tensors) {
    const storage = String(files.length);
    const view = { storage, offset: 0, shape, strides: rowMajor(shape) };
    entries.push([name, pickledTensor(type, view, bytes.length / ELEMENT_BYTES[type])]);
    files.push([`model/data/${storage}`, bytes]);
  }
  return torchZip(pickle.program(pickle.dictionary(entries)), files, options);
}

/** The archive around a pickle and its storages. */
export function torchZip(
  program: Buffer,
  files: readonly [string, Uint8Array][] = [],
  options: ZipOptions = {},
): Buffer {
  return zip([["model/data.pkl", program], ["model/byteorder", Buffer.from("little")], ...files], options);
}

export interface ZipOptions {
  /** Method of compression that the entries claim to have. */
  method?: number;
  /** Sizes and places in the records for archives above 4 GB. */
  zip64?: boolean;
}

/** A ZIP archive of stored entries, without checksums. */
export function zip(
  files: readonly [string, Uint8Array][],
  { method = 0, zip64 = false }: ZipOptions = {},
): Buffer {
  const parts: Uint8Array[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of files) {
    const path = Buffer.from(name);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(method, 8);
    local.writeUInt32LE(bytes.length, 18);
    local.writeUInt32LE(bytes.length, 22);
    local.writeUInt16LE(path.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(bytes.length, 20);
    central.writeUInt32LE(bytes.length, 24);
    central.writeUInt16LE(path.length, 28);
    central.writeUInt32LE(offset, 42);
    parts.push(local, path, bytes);
    if (zip64) {
      const extra = Buffer.alloc(28);
      extra.writeUInt16LE(0x0001);
      extra.writeUInt16LE(24, 2);
      extra.writeBigUInt64LE(BigInt(bytes.length), 4);
      extra.writeBigUInt64LE(BigInt(bytes.length), 12);
      extra.writeBigUInt64LE(BigInt(offset), 20);
      for (const field of [20, 24, 42]) central.writeUInt32LE(0xffffffff, field);
      central.writeUInt16LE(extra.length, 30);
      directory.push(central, path, extra);
    } else {
      directory.push(central, path);
    }
    offset += 30 + path.length + bytes.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(zip64 ? 0xffffffff : offset, 16);
  const records = zip64 ? [zip64Records(entries.length, offset)] : [];
  return Buffer.concat([...parts, entries, ...records, end]);
}

/** The end of the directory of a ZIP64 archive, and the record that says where that is. */
function zip64Records(size: number, offset: number): Buffer {
  const records = Buffer.alloc(56 + 20);
  records.writeUInt32LE(0x06064b50);
  records.writeBigUInt64LE(BigInt(size), 40);
  records.writeBigUInt64LE(BigInt(offset), 48);
  records.writeUInt32LE(0x07064b50, 56);
  records.writeBigUInt64LE(BigInt(offset + size), 56 + 8);
  return records;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
