import { FREQUENCY_BINS, melFilters } from "../whisper/mel-filters.js";
import type { WhisperShape } from "../whisper/tensors.js";
import type { OutputFile } from "./output-file.js";
import { type ConversionContext, type PlannedTensor, writeValues } from "./tensor-copy.js";

const MAGIC = 0x67676d6c;
/** Every Whisper model splits its width into attention heads of this size. */
export const HEAD_WIDTH = 64;
/** ggml's numbers of file types, `enum ggml_ftype`. */
const FILE_TYPES = { f32: 0, f16: 1 } as const;

/** What a file of whisper.cpp's format (ggml `.bin`) holds. */
export interface WhisperFileContent {
  shape: WhisperShape;
  matrices: keyof typeof FILE_TYPES;
  /**
   * Text tokens alone, whose special companions readers add themselves, or all tokens; never more, since whisper.cpp takes
   * as many logits as there are words.
   */
  vocabulary: readonly Uint8Array[];
  tensors: readonly PlannedTensor[];
}

/**
 * Writes a model in whisper.cpp's format: magic, hyper-parameters, mel filters, vocabulary, tensors.
 * Source: whisper.cpp, models/convert-pt-to-ggml.py.
 */
export async function writeWhisperFile(
  output: OutputFile,
  { shape, matrices, vocabulary, tensors }: WhisperFileContent,
  context: ConversionContext,
): Promise<void> {
  const filters = melFilters(shape.melBands);
  await output.write(int32s(MAGIC, ...hyperParameters(shape), FILE_TYPES[matrices]));
  await output.write(int32s(shape.melBands, FREQUENCY_BINS));
  await output.write(new Uint8Array(filters.buffer));
  await output.write(
    Buffer.concat([
      int32s(vocabulary.length),
      ...vocabulary.flatMap((token) => [int32s(token.length), token]),
    ]),
  );
  for (const tensor of tensors) {
    const { name, dimensions, encoding } = tensor;
    const header = int32s(dimensions.length, name.length, encoding.id, ...dimensions);
    await output.write(Buffer.concat([header, Buffer.from(name, "latin1")]));
    await writeValues(tensor, output, context);
  }
}

/** In the order of whisper.cpp's `whisper_hparams`, without the file type. */
function hyperParameters(shape: WhisperShape): number[] {
  const { vocabulary, audioContext, audioLayers, textContext, textLayers, melBands, width } = shape;
  const heads = width / HEAD_WIDTH;
  return [
    vocabulary,
    audioContext,
    width,
    heads,
    audioLayers,
    textContext,
    width,
    heads,
    textLayers,
    melBands,
  ];
}

function int32s(...values: number[]): Buffer {
  return Buffer.from(Int32Array.from(values).buffer);
}
