import type { TranscriptionError } from "../../../errors.js";
import { quoted } from "../errors.js";
import {
  isAllowedGlobal,
  PickleForeign,
  PickleGlobal,
  type PickleValue,
  rebuild,
  storageOf,
} from "./pickle-objects.js";

const MARK = Symbol("mark");

/** Every value takes a byte, and goes from the stack into a list or dictionary and through a call. */
const MOVES_PER_BYTE = 8;

type StackEntry = PickleValue | typeof MARK;

/** What a pickle holds. */
export interface Pickled {
  value: PickleValue;
  /** The first name in it that no tensor needs, which says nothing here: what is made with it is a {@link PickleForeign}. */
  foreign: string | undefined;
}

/**
 * Reads the pickle of a PyTorch state dictionary, or of a checkpoint around one. It is a data format with the power of a
 * program; this reader has no way to run one: it knows the opcodes that build dictionaries, tuples, numbers and objects and
 * the few names that stand for tensors. Any other name is nothing but a value that is foreign, whatever is done with
 * it; any other opcode is refused, by name.
 * Source: CPython, Lib/pickletools.py; PyTorch, torch/_weights_only_unpickler.py.
 * @param fail makes the error of the file, from what is wrong with it
 */
export function readPickle(bytes: Buffer, fail: (problem: string) => TranscriptionError): Pickled {
  const machine = new PickleMachine(bytes, fail);
  const value = machine.run();
  return { value, foreign: machine.foreign };
}

const FOREIGN = new PickleForeign();

class PickleMachine {
  readonly #stack: StackEntry[] = [];
  readonly #memo = new Map<number, PickleValue>();
  /** The first name that is. */
  foreign: string | undefined;
  #position = 0;
  /** Values moved so far. */
  #moved = 0;

  constructor(
    private readonly bytes: Buffer,
    private readonly fail: (problem: string) => TranscriptionError,
  ) {}

  run(): PickleValue {
    for (;;) {
      const opcode = this.#take(1)[0]!;
      if (opcode === 0x2e /* STOP */) return this.#pop();
      const execute = OPCODES[opcode];
      if (!execute) {
        const name = `0x${opcode.toString(16).padStart(2, "0")}`;
        throw this.#invalid(
          `has the opcode ${REFUSED_OPCODES[opcode] ?? name}, which a dictionary of tensors does not need`,
        );
      }
      execute(this);
    }
  }

  /**
   * Counts values that an opcode is about to go through. An honest pickle goes through each value that it holds a few
   * times; one that recalls a long list again and again would take for ever.
   */
  #count(values: number): void {
    this.#moved += values;
    if (this.#moved > MOVES_PER_BYTE * this.bytes.length) {
      throw this.#invalid("goes through the same values again and again");
    }
  }

  // What the opcodes are made of.

  #take(length: number): Buffer {
    const start = this.#position;
    if (start + length > this.bytes.length) throw this.#invalid("is cut off");
    this.#position += length;
    return this.bytes.subarray(start, this.#position);
  }

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw this.#invalid("takes a value that is not there");
    return value;
  }

  #popToMark(): PickleValue[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw this.#invalid("takes values up to a mark that is not there");
    this.#count(this.#stack.length - mark);
    const values = this.#stack.splice(mark);
    return values.slice(1) as PickleValue[];
  }

  #invalid(problem: string): TranscriptionError {
    return this.fail(`its pickle ${problem}`);
  }

  // The opcodes.

  skip(length: number): void {
    this.#take(length);
  }

  push(value: StackEntry): void {
    this.#stack.push(value);
  }

  integer(length: 1 | 2 | 4, signed = false): void {
    const bytes = this.#take(length);
    this.push(signed ? bytes.readInt32LE() : bytes.readUIntLE(0, length));
  }

  /** LONG1: little-endian two's complement. */
  longInteger(): void {
    const bytes = this.#take(this.#take(1)[0]!);
    let value = 0n;
    for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    const number = Number(BigInt.asIntN(8 * bytes.length, value));
    if (!Number.isSafeInteger(number)) throw this.#invalid(`has the number ${number}, which is too large`);
    this.push(number);
  }

  float(): void {
    this.push(this.#take(8).readDoubleBE());
  }

  text(lengthBytes: 1 | 4): void {
    const length = this.#take(lengthBytes).readUIntLE(0, lengthBytes);
    this.push(this.#take(length).toString("utf8"));
  }

  tuple(length: number): void {
    const values = Array.from({ length }, () => this.#pop());
    this.push(values.reverse());
  }

  tupleToMark(): void {
    this.push(this.#popToMark());
  }

  append(values: PickleValue[]): void {
    const list = this.#pop();
    this.#count(values.length);
    this.push(list);
    if (list === FOREIGN) return;
    if (!Array.isArray(list)) throw this.#invalid("appends to what is no list");
    for (const value of values) list.push(value);
  }

  appendOne(): void {
    this.append([this.#pop()]);
  }

  appendToMark(): void {
    this.append(this.#popToMark());
  }

  setOne(): void {
    const value = this.#pop();
    this.#setItems([this.#pop(), value]);
  }

  setToMark(): void {
    this.#setItems(this.#popToMark());
  }

  #setItems(items: PickleValue[]): void {
    const dictionary = this.#pop();
    this.push(dictionary);
    if (dictionary === FOREIGN) return;
    if (!(dictionary instanceof Map)) throw this.#invalid("sets items of what is no dictionary");
    if (items.length % 2 !== 0) throw this.#invalid("has a key without a value");
    for (let i = 0; i < items.length; i += 2) dictionary.set(items[i]!, items[i + 1]!);
  }

  remember(key: number): void {
    const value = this.#pop();
    this.#memo.set(key, value);
    this.push(value);
  }

  rememberAt(keyBytes: 1 | 4): void {
    this.remember(this.#take(keyBytes).readUIntLE(0, keyBytes));
  }

  rememberNext(): void {
    this.remember(this.#memo.size);
  }

  recall(keyBytes: 1 | 4): void {
    const value = this.#memo.get(this.#take(keyBytes).readUIntLE(0, keyBytes));
    if (value === undefined) throw this.#invalid("recalls a value that it never had");
    this.push(value);
  }

  /** GLOBAL: two lines of text. */
  globalName(): void {
    this.#pushGlobal(`${this.#line()}.${this.#line()}`);
  }

  /** STACK_GLOBAL: two strings of the stack. */
  globalOfStack(): void {
    const name = this.#pop();
    const module = this.#pop();
    if (typeof name !== "string" || typeof module !== "string")
      throw this.#invalid("has a name that is no text");
    this.#count(module.length + name.length);
    this.#pushGlobal(`${module}.${name}`);
  }

  #line(): string {
    const end = this.bytes.indexOf(0x0a, this.#position);
    if (end < 0) throw this.#invalid("is cut off");
    const line = this.bytes.toString("utf8", this.#position, end);
    this.#position = end + 1;
    return line;
  }

  #pushGlobal(name: string): void {
    if (isAllowedGlobal(name)) {
      this.push(new PickleGlobal(name));
      return;
    }
    this.foreign ??= name;
    this.push(FOREIGN);
  }

  persistentId(): void {
    const storage = storageOf(this.#pop());
    if (!storage) throw this.#invalid("refers to something other than a storage of tensors");
    this.push(storage);
  }

  reduce(): void {
    const args = this.#pop();
    const callee = this.#pop();
    if (Array.isArray(args)) for (const arg of args) this.#count(Array.isArray(arg) ? arg.length : 1);
    this.#count(Array.isArray(args) ? args.length : 1);
    const value = callee === FOREIGN ? FOREIGN : rebuild(callee, args);
    if (value === undefined) {
      const name = callee instanceof PickleGlobal ? quoted(callee.name) : "what is no function";
      throw this.#invalid(`calls ${name} with other arguments than a tensor's`);
    }
    this.push(value);
  }

  /** NEWOBJ: an object of a class. Tensors are none. */
  newObject(): void {
    this.#pop();
    if (this.#pop() !== FOREIGN)
      throw this.#invalid("makes an object that a dictionary of tensors does not need");
    this.push(FOREIGN);
  }

  /** BUILD: attributes. State dictionaries have one, `_metadata`, that says nothing about tensors. */
  build(): void {
    this.#pop();
    const target = this.#pop();
    if (target !== FOREIGN && !(target instanceof Map))
      throw this.#invalid("sets attributes of what is no dictionary");
    this.push(target);
  }
}

const OPCODES: Record<number, (machine: PickleMachine) => void> = {
  128: (m) => m.skip(1), // PROTO
  149: (m) => m.skip(8), // FRAME
  40: (m) => m.push(MARK),
  78: (m) => m.push(null), // NONE
  136: (m) => m.push(true), // NEWTRUE
  137: (m) => m.push(false), // NEWFALSE
  74: (m) => m.integer(4, true), // BININT
  75: (m) => m.integer(1), // BININT1
  77: (m) => m.integer(2), // BININT2
  138: (m) => m.longInteger(), // LONG1
  71: (m) => m.float(), // BINFLOAT
  88: (m) => m.text(4), // BINUNICODE
  140: (m) => m.text(1), // SHORT_BINUNICODE
  125: (m) => m.push(new Map()), // EMPTY_DICT
  93: (m) => m.push([]), // EMPTY_LIST
  41: (m) => m.push([]), // EMPTY_TUPLE
  116: (m) => m.tupleToMark(), // TUPLE
  133: (m) => m.tuple(1), // TUPLE1
  134: (m) => m.tuple(2), // TUPLE2
  135: (m) => m.tuple(3), // TUPLE3
  97: (m) => m.appendOne(), // APPEND
  101: (m) => m.appendToMark(), // APPENDS
  115: (m) => m.setOne(), // SETITEM
  117: (m) => m.setToMark(), // SETITEMS
  113: (m) => m.rememberAt(1), // BINPUT
  114: (m) => m.rememberAt(4), // LONG_BINPUT
  148: (m) => m.rememberNext(), // MEMOIZE
  104: (m) => m.recall(1), // BINGET
  106: (m) => m.recall(4), // LONG_BINGET
  99: (m) => m.globalName(), // GLOBAL
  147: (m) => m.globalOfStack(), // STACK_GLOBAL
  81: (m) => m.persistentId(), // BINPERSID
  82: (m) => m.reduce(), // REDUCE
  129: (m) => m.newObject(), // NEWOBJ
  98: (m) => m.build(), // BUILD
};

/** Names of those that harmful pickles use, for the message. */
const REFUSED_OPCODES: Record<number, string> = {
  105: "INST",
  111: "OBJ",
  146: "NEWOBJ_EX",
  130: "EXT1",
  131: "EXT2",
  132: "EXT4",
  80: "PERSID",
};
