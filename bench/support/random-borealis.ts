/**
 * A Borealis checkpoint of generation 1 in its real shape, or with fewer encoder layers, with random weights: what
 * `torch.save` writes, a zip of a pickle and one storage per tensor, bf16.
 */
import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { byteTokenizer } from "../../test/support/borealis-runnable.js";
import { seededRandom } from "../../test/support/random.js";
import { sharedPath } from "../../test/support/shared-path.js";
import { pickle, pickledTensor } from "../../test/support/torch-writer.js";

const AUDIO = { width: 1280, heads: 20, feedForward: 5120, bands: 128, positions: 1500, stacked: 4 };
const LANGUAGE = { width: 896, layers: 24, keys: 128, feedForward: 4864, vocabulary: 151_668 };
/** bf16 values that tensors are filled with again and again. */
const POOL = 1 << 20;
const ONE = 0x3f80;

type Shapes = [name: string, shape: number[]][];

/** Writes the checkpoint to `folder`, unless it is there. Returns its size in bytes. */
export async function writeRandomBorealis(folder: string, encoderLayers = 32): Promise<void> {
  if (existsSync(join(folder, "done"))) return;
  mkdirSync(join(folder, "encoder"), { recursive: true });
  const json = (name: string, content: unknown) => writeFileSync(join(folder, name), JSON.stringify(content));
  json("config.json", {
    model_type: "borealis",
    downsample_factor: AUDIO.stacked,
    whisper_encoder_name: encoderLayers === 32 ? "openai/whisper-large-v3" : "./encoder",
    llm_name: "unsloth/Qwen2.5-0.5B-Instruct",
  });
  json("encoder/config.json", { encoder_layers: encoderLayers, encoder_attention_heads: AUDIO.heads });
  json("tokenizer_config.json", { eos_token: "<|im_end|>" });
  // The real vocabulary where it is at hand: prompts are longer with bytes for tokens.
  const tokenizer = sharedPath("borealis-tiny/tokenizer.json");
  writeFileSync(
    join(folder, "tokenizer.json"),
    tokenizer ? readFileSync(tokenizer) : JSON.stringify(byteTokenizer()),
  );
  await writeTensors(join(folder, "pytorch_model.bin"), shapes(encoderLayers));
  json("done", {});
}

function shapes(encoderLayers: number): Shapes {
  const { width, feedForward, bands, positions, stacked } = AUDIO;
  const vector = (name: string, size = width): Shapes => [
    [`${name}.weight`, [size]],
    [`${name}.bias`, [size]],
  ];
  const linear = (name: string, out: number, inner: number, bias = true): Shapes => [
    [`${name}.weight`, [out, inner]],
    ...(bias ? ([[`${name}.bias`, [out]]] as Shapes) : []),
  ];
  const result: Shapes = [
    ["encoder.conv1.weight", [width, bands, 3]],
    ["encoder.conv1.bias", [width]],
    ["encoder.conv2.weight", [width, width, 3]],
    ["encoder.conv2.bias", [width]],
    ["encoder.embed_positions.weight", [positions, width]],
    ...vector("encoder.layer_norm"),
    ["adapter.w_in.weight", [LANGUAGE.width, stacked * width]],
    ["adapter.w_out.weight", [LANGUAGE.width, LANGUAGE.width]],
    ["llm.model.embed_tokens.weight", [LANGUAGE.vocabulary, LANGUAGE.width]],
    ["llm.model.norm.weight", [LANGUAGE.width]],
  ];
  for (let i = 0; i < encoderLayers; i++) {
    const name = `encoder.layers.${i}`;
    for (const part of ["q", "k", "v", "out"])
      result.push(...linear(`${name}.self_attn.${part}_proj`, width, width, part !== "k"));
    result.push(...vector(`${name}.self_attn_layer_norm`), ...vector(`${name}.final_layer_norm`));
    result.push(...linear(`${name}.fc1`, feedForward, width), ...linear(`${name}.fc2`, width, feedForward));
  }
  for (let i = 0; i < LANGUAGE.layers; i++) {
    const name = `llm.model.layers.${i}`;
    for (const [part, rows] of Object.entries({ q: LANGUAGE.width, k: LANGUAGE.keys, v: LANGUAGE.keys }))
      result.push(...linear(`${name}.self_attn.${part}_proj`, rows, LANGUAGE.width));
    result.push(...linear(`${name}.self_attn.o_proj`, LANGUAGE.width, LANGUAGE.width, false));
    for (const part of ["gate", "up"])
      result.push(...linear(`${name}.mlp.${part}_proj`, LANGUAGE.feedForward, LANGUAGE.width, false));
    result.push(...linear(`${name}.mlp.down_proj`, LANGUAGE.width, LANGUAGE.feedForward, false));
    for (const part of ["input_layernorm", "post_attention_layernorm"])
      result.push([`${name}.${part}.weight`, [LANGUAGE.width]]);
  }
  return result;
}

async function writeTensors(path: string, tensors: Shapes): Promise<void> {
  const zip = new ZipWriter(path);
  const entries = tensors.map(([name, shape], i): [string, Buffer] => {
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    return [name, pickledTensor("BF16", { storage: String(i), offset: 0, shape, strides }, sizeOf(shape))];
  });
  await zip.add("pytorch_model/data.pkl", [pickle.program(pickle.dictionary(entries))]);
  const random = seededRandom(1);
  const pool = Uint16Array.from({ length: POOL }, () => bfloat16(0.07 * (random() - 0.5)));
  for (const [i, [name, shape]] of tensors.entries()) {
    const isNorm = /norm\.weight$/.test(name);
    await zip.add(`pytorch_model/data/${i}`, pieces(isNorm ? undefined : pool, sizeOf(shape), i));
  }
  await zip.end();
}

/** `count` bf16 values of the pool from some place on, or ones. */
function* pieces(pool: Uint16Array | undefined, count: number, seed: number): Generator<Buffer> {
  const source = pool ?? new Uint16Array(Math.min(count, POOL)).fill(ONE);
  let at = pool ? (seed * 7919) % POOL : 0;
  for (let done = 0; done < count; ) {
    const length = Math.min(source.length - at, count - done);
    yield Buffer.from(source.buffer, at * 2, length * 2);
    done += length;
    at = 0;
  }
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function bfloat16(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16;
}

/** A zip of stored entries, less than 4 GiB in all. */
class ZipWriter {
  readonly #output;
  readonly #directory: Buffer[] = [];
  #position = 0;

  constructor(path: string) {
    this.#output = createWriteStream(path);
  }

  /** `content` is gone through twice: for the checksum, and to be written. */
  async add(name: string, content: Iterable<Buffer>): Promise<void> {
    const chunks = [...content];
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const checksum = chunks.reduce((crc, chunk) => crc32(chunk, crc), 0);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(checksum, 10);
    common.writeUInt32LE(bytes, 14);
    common.writeUInt32LE(bytes, 18);
    common.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(this.#position, 10);
    this.#directory.push(Buffer.from("PK\x01\x02\x14\0"), common, place, Buffer.from(name));
    await this.#write(Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name)]));
    for (const chunk of chunks) await this.#write(chunk);
  }

  async end(): Promise<void> {
    const start = this.#position;
    const count = this.#directory.length / 4;
    for (const part of this.#directory) await this.#write(part);
    const end = Buffer.alloc(22);
    end.write("PK\x05\x06", "latin1");
    end.writeUInt16LE(count, 8);
    end.writeUInt16LE(count, 10);
    end.writeUInt32LE(this.#position - start, 12);
    end.writeUInt32LE(start, 16);
    await this.#write(end);
    this.#output.end();
    await finished(this.#output);
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#position += bytes.length;
    if (this.#output.write(bytes)) return;
    await new Promise<void>((resolve) => this.#output.once("drain", () => resolve()));
  }
}
