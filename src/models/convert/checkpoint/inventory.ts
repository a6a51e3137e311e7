import type { TranscriptionError } from "../../../errors.js";
import { quoted, shapeText } from "../errors.js";
import { invalidTensor, type StoredTensor } from "./tensor.js";

/** More layers than any model has: a name such as `layers.4000000000.x` must not make us look for them all. */
const MAX_LAYERS = 512;

/** What tensors are taken from. */
export interface TensorCollection {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  invalid(problem: string): TranscriptionError;
}

/** The tensors of a checkpoint, each to be taken once; what nobody took is an error in the end. */
export class Inventory {
  readonly #left: Map<string, StoredTensor>;

  constructor(private readonly checkpoint: TensorCollection) {
    this.#left = new Map(checkpoint.tensors);
  }

  /** @throws TranscriptionError MODEL_INVALID when it is missing or of another shape */
  take(name: string, shape?: readonly number[]): StoredTensor {
    const tensor = this.takeOptional(name, shape);
    if (!tensor) throw this.checkpoint.invalid(`tensor ${name} is missing`);
    return tensor;
  }

  takeOptional(name: string, shape?: readonly number[]): StoredTensor | undefined {
    const tensor = this.#left.get(name);
    if (!tensor) return undefined;
    if (shape && shape.join() !== tensor.shape.join()) {
      throw invalidTensor(tensor, `has the shape ${shapeText(tensor.shape)}, expected ${shapeText(shape)}`);
    }
    this.#left.delete(name);
    return tensor;
  }

  /** The sizes of a tensor with `dimensions` dimensions, each from 1 on, without taking it. */
  shapeOf(name: string, dimensions: number): readonly number[] {
    const tensor = this.checkpoint.tensors.get(name);
    if (!tensor) throw this.checkpoint.invalid(`tensor ${name} is missing`);
    if (tensor.shape.length !== dimensions || tensor.shape.includes(0)) {
      const expected = `expected ${dimensions} ${dimensions === 1 ? "dimension" : "dimensions"}`;
      throw invalidTensor(tensor, `has the shape ${shapeText(tensor.shape)}, ${expected}`);
    }
    return tensor.shape;
  }

  has(name: string): boolean {
    return this.checkpoint.tensors.has(name);
  }

  /**
   * How many layers there are, by the names that begin with `prefix` and a number; not fewer than `configured`, so
   * that a file whose last layers are missing is not taken for a smaller model.
   */
  layerCount(prefix: string, configured: number | undefined): number {
    let count = configured ?? 0;
    for (const name of this.checkpoint.tensors.keys()) {
      if (!name.startsWith(prefix)) continue;
      const number = Number.parseInt(name.slice(prefix.length), 10);
      if (number >= count) count = number + 1;
    }
    if (count > MAX_LAYERS || count === 0) {
      throw this.checkpoint.invalid(`it has ${count} layers named ${prefix}N, expected 1 to ${MAX_LAYERS}`);
    }
    return count;
  }

  /** @throws TranscriptionError MODEL_INVALID when a tensor was not taken */
  finish(): void {
    const [tensor] = this.#left.values();
    if (tensor) throw tensor.file.invalid(`it has an unknown tensor ${quoted(tensor.name)}`);
  }
}
