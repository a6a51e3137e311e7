import type { ByteSource } from "./byte-source.js";
import type { DecodeTask } from "./decode-task.js";

const NOTHING = new Uint8Array(0);

/** Reads a source by the number of bytes wanted. Can look ahead, and go back to the start while it is held. */
export class ByteReader {
  /** What is held, of which {@link #offset} bytes are consumed. What has been given out are views of it: it never changes. */
  #buffer: Uint8Array = NOTHING;
  #offset = 0;
  /** Bytes behind those of {@link #buffer} that are free, where it lies in memory of ours. */
  #free = 0;
  #ended = false;
  #held = false;
  #keeps = false;
  #position = 0;

  constructor(
    readonly source: ByteSource,
    readonly task: DecodeTask,
  ) {}

  /** Bytes consumed so far. */
  get position(): number {
    return this.#position;
  }

  /**
   * From here on {@link rewind} can return to this place: everything is kept, unless this is the beginning of a source
   * that can be read again.
   */
  hold(): void {
    this.#drop();
    this.#held = true;
    this.#keeps = !(this.source.restart && this.#position === 0);
  }

  /** Whether what has been read since {@link hold} takes up memory. */
  get keeps(): boolean {
    return this.#held && this.#keeps;
  }

  /** Ends {@link hold}. */
  release(): void {
    this.#held = false;
  }

  /** Back to where {@link hold} was called, which it ends. */
  rewind(): void {
    if (!this.#keeps) {
      this.source.restart!();
      this.#buffer = NOTHING;
      this.#free = 0;
      this.#ended = false;
      this.#position = this.#offset;
    }
    this.#position -= this.#offset;
    this.#offset = 0;
    this.#held = false;
  }

  /** The next `count` bytes without consuming them; fewer only at the end of the source. */
  async peek(count: number): Promise<Uint8Array> {
    while (this.#available < count && (await this.#fill()));
    return this.#buffer.subarray(this.#offset, this.#offset + count);
  }

  /** The next `count` bytes; fewer only at the end of the source. */
  async read(count: number): Promise<Uint8Array> {
    const bytes = await this.peek(count);
    this.#consume(bytes.byteLength);
    return bytes;
  }

  /** Between 1 and `most` bytes, as they are at hand; none at the end of the source. */
  async readSome(most: number): Promise<Uint8Array> {
    while (this.#available === 0 && (await this.#fill()));
    const bytes = this.#buffer.subarray(this.#offset, this.#offset + most);
    this.#consume(bytes.byteLength);
    return bytes;
  }

  /** What is at hand, without consuming it; nothing only at the end of the source. */
  async peekSome(): Promise<Uint8Array> {
    while (this.#available === 0 && (await this.#fill()));
    return this.#buffer.subarray(this.#offset);
  }

  /** Bytes that are still to come, where the source knows its size. */
  get remaining(): number | undefined {
    return this.source.size === undefined ? undefined : Math.max(0, this.source.size - this.#position);
  }

  /** Consumes `count` bytes, or what there is. */
  async skip(count: number): Promise<void> {
    let left = count;
    while (left > 0) {
      const { byteLength } = await this.readSome(left);
      if (byteLength === 0) return;
      left -= byteLength;
    }
  }

  get #available(): number {
    return this.#buffer.byteLength - this.#offset;
  }

  #consume(count: number): void {
    this.#offset += count;
    this.#position += count;
  }

  #drop(): void {
    this.#buffer = this.#buffer.subarray(this.#offset);
    this.#offset = 0;
  }

  async #fill(): Promise<boolean> {
    if (this.#ended) return false;
    const chunk = await this.task.wait(this.source.next());
    if (chunk === undefined) {
      this.#ended = true;
      return false;
    }
    if (!this.keeps) this.#drop();
    this.#append(chunk);
    return true;
  }

  /**
   * In memory that doubles, so that however small the chunks are and however much is held meanwhile, no byte is copied
   * more than a few times.
   */
  #append(chunk: Uint8Array): void {
    const held = this.#buffer.byteLength;
    if (held === 0) {
      this.#buffer = chunk;
      this.#free = 0;
      return;
    }
    const length = held + chunk.byteLength;
    if (chunk.byteLength > this.#free) {
      const memory = new Uint8Array(2 * length);
      memory.set(this.#buffer);
      this.#buffer = memory.subarray(0, held);
      this.#free = memory.byteLength - held;
    }
    const { buffer, byteOffset } = this.#buffer;
    const joined = new Uint8Array(buffer, byteOffset, length);
    joined.set(chunk, held);
    this.#buffer = joined;
    this.#free -= chunk.byteLength;
  }
}
