/** What a state dictionary is made of. Lists and tuples are arrays, dictionaries are maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleGlobal
  | PickleForeign
  | PickleStorage
  | PickleTensor;

/** A function or class of Python, known by name only. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/** What a name stands for that no tensor needs, or what would be made with it: nothing is known of it. */
export class PickleForeign {}

/** A block of memory that tensors are views of. */
export class PickleStorage {
  constructor(
    /** `"FloatStorage"`, `"BFloat16Storage"`, … */
    readonly kind: string,
    /** Name of the file that holds it. */
    readonly key: string,
    readonly elements: number,
  ) {}
}

/** A view of a storage; offset and strides count elements. */
export class PickleTensor {
  constructor(
    readonly storage: PickleStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

const REBUILD_TENSOR = "torch._utils._rebuild_tensor_v2";
const REBUILD_PARAMETER = "torch._utils._rebuild_parameter";
const ORDERED_DICT = "collections.OrderedDict";
const STORAGE = /^torch\.([A-Z][A-Za-z0-9]*Storage)$/;

/** Dimensions that a tensor may have; its shape is looked at no further. */
const MAX_DIMENSIONS = 8;
/** Longer than any that is allowed. */
const MAX_NAME_LENGTH = 100;

/** Whether a name is one of those that a dictionary of tensors needs. */
export function isAllowedGlobal(name: string): boolean {
  if (name.length > MAX_NAME_LENGTH) return false;
  return [REBUILD_TENSOR, REBUILD_PARAMETER, ORDERED_DICT].includes(name) || STORAGE.test(name);
}

/** What calling `callee` would make; undefined when it is no such call. Nothing is ever called. */
export function rebuild(callee: PickleValue, args: PickleValue): PickleValue | undefined {
  if (!(callee instanceof PickleGlobal) || !Array.isArray(args)) return undefined;
  switch (callee.name) {
    case ORDERED_DICT:
      return rebuildDictionary(args);
    case REBUILD_PARAMETER:
      return args[0] instanceof PickleTensor ? args[0] : undefined;
    case REBUILD_TENSOR:
      return rebuildTensor(args);
    default:
      return undefined;
  }
}

function rebuildDictionary(args: PickleValue[]): PickleValue | undefined {
  const [items = []] = args;
  if (!Array.isArray(items)) return undefined;
  const dictionary = new Map<PickleValue, PickleValue>();
  for (const item of items) {
    if (!Array.isArray(item) || item.length !== 2) return undefined;
    dictionary.set(item[0]!, item[1]!);
  }
  return dictionary;
}

function rebuildTensor([storage, offset, shape, strides]: PickleValue[]): PickleValue | undefined {
  if (!(storage instanceof PickleStorage) || typeof offset !== "number") return undefined;
  if (!isNumbers(shape) || !isNumbers(strides) || shape.length !== strides.length) return undefined;
  return new PickleTensor(storage, offset, shape, strides);
}

/** The storage of a persistent id, `("storage", class, key, device, elements)`. */
export function storageOf(id: PickleValue): PickleStorage | undefined {
  if (!Array.isArray(id)) return undefined;
  const [tag, type, key, , elements] = id;
  const kind = type instanceof PickleGlobal ? STORAGE.exec(type.name)?.[1] : undefined;
  if (
    tag !== "storage" ||
    kind === undefined ||
    typeof key !== "string" ||
    key.length > MAX_NAME_LENGTH ||
    typeof elements !== "number"
  ) {
    return undefined;
  }
  return new PickleStorage(kind, key, elements);
}

function isNumbers(value: PickleValue | undefined): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= MAX_DIMENSIONS &&
    value.every((entry) => typeof entry === "number")
  );
}
