import { invalidArgument } from "../../../errors.js";
import { ENCODINGS, type Encoding, type EncodingName } from "../numbers/encoding.js";

/** llama.cpp's numbers of file types, `enum llama_ftype`. */
const FILE_TYPES: Readonly<Record<EncodingName, number>> = {
  f32: 0,
  f16: 1,
  q4_0: 2,
  q8_0: 7,
  q5_0: 8,
  bf16: 32,
  q4_k: 14,
  q5_k: 16,
  q6_k: 18,
};

/** What rows that are no whole number of a K type's blocks are stored as, as llama.cpp does it. */
const FALLBACKS: Partial<Record<EncodingName, EncodingName>> = { q4_k: "q5_0", q5_k: "q8_0", q6_k: "q8_0" };

/** How the tensors of a file of one type are stored. */
export class FileEncodings {
  private constructor(private readonly matrices: Encoding) {}

  /** @throws TranscriptionError INVALID_ARGUMENT */
  static of(type: string): FileEncodings {
    if (!Object.hasOwn(ENCODINGS, type)) {
      throw invalidArgument("type", `one of ${Object.keys(ENCODINGS).join(", ")}`, type);
    }
    return new FileEncodings(ENCODINGS[type as EncodingName]);
  }

  /** For `general.file_type`. */
  get fileType(): number {
    return FILE_TYPES[this.matrices.name];
  }

  get areQuantized(): boolean {
    return this.matrices.blockValues > 1;
  }

  get vector(): Encoding {
    return ENCODINGS.f32;
  }

  /** @param rowLength values of a row; rows that are no whole number of blocks get simpler ones, or stay 16-bit */
  matrix(rowLength: number): Encoding {
    const fallback = FALLBACKS[this.matrices.name];
    const candidates = [this.matrices, ...(fallback ? [ENCODINGS[fallback]] : [])];
    return candidates.find(({ blockValues }) => rowLength % blockValues === 0) ?? ENCODINGS.f16;
  }

  /**
   * The table of embeddings is the output layer too, and what is lost in it is lost in every token: it keeps 8 bits,
   * as llama.cpp's own quantisation keeps it above the other matrices.
   */
  table(rowLength: number): Encoding {
    const encoding = this.matrix(rowLength);
    return encoding.blockValues > 1 ? ENCODINGS.q8_0 : encoding;
  }

  /** ggml's convolution wants 16-bit floats; bf16 is none of those, and f32 loses nothing of it. */
  get convolution(): Encoding {
    return this.matrices.name === "f32" || this.matrices.name === "bf16" ? ENCODINGS.f32 : ENCODINGS.f16;
  }
}
