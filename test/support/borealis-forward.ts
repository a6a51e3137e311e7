/**
 * Borealis in plain TypeScript: float64 arithmetic on a checkpoint's tensors, after the papers and transformers'
 * modeling_whisper.py, modeling_qwen2.py and modeling_qwen3.py. Slow, for tiny shapes; shares nothing with the engine.
 */
import { melFilters } from "../../src/models/convert/whisper/mel-filters.js";
import type { TestTensors } from "./safetensors-writer.js";

type Rows = Float64Array<ArrayBuffer>[];

export interface ForwardShape {
  audioHeads: number;
  stacked: number;
  heads: number;
  keyHeads: number;
}

const FRAMES = 3000;
const BANDS = 128;
const FRAME_SAMPLES = 400;
const HOP = 160;
const BINS = 201;

export class BorealisForward {
  constructor(
    private readonly tensors: TestTensors,
    private readonly shape: ForwardShape,
  ) {}

  /** Log-mel spectrogram of 30 s, [bands][3000]. */
  mel(samples: Float32Array): Float32Array {
    const half = FRAME_SAMPLES / 2;
    const sample = (i: number) => samples[Math.abs(i)] ?? 0;
    const filters = melFilters(BANDS);
    const window = Array.from(
      { length: FRAME_SAMPLES },
      (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / 400),
    );
    const cosines = Array.from({ length: FRAME_SAMPLES }, (_, i) =>
      Math.cos((2 * Math.PI * i) / FRAME_SAMPLES),
    );
    const sines = Array.from({ length: FRAME_SAMPLES }, (_, i) =>
      Math.sin((2 * Math.PI * i) / FRAME_SAMPLES),
    );
    const logs = new Float64Array(BANDS * FRAMES).fill(-10);
    for (let t = 0; t * HOP - half < samples.length && t < FRAMES; t++) {
      const frame = window.map((weight, i) => weight * sample(t * HOP + i - half));
      const power = Array.from({ length: BINS }, (_, k) => {
        let [re, im] = [0, 0];
        for (let i = 0; i < FRAME_SAMPLES; i++) {
          re += frame[i]! * cosines[(k * i) % FRAME_SAMPLES]!;
          im -= frame[i]! * sines[(k * i) % FRAME_SAMPLES]!;
        }
        return re * re + im * im;
      });
      for (let band = 0; band < BANDS; band++) {
        const sum = power.reduce((total, value, bin) => total + value * filters[band * BINS + bin]!, 0);
        logs[band * FRAMES + t] = Math.log10(Math.max(sum, 1e-10));
      }
    }
    const floor = logs.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY) - 8;
    return Float32Array.from(logs, (value) => (Math.max(value, floor) + 4) / 4);
  }

  /** [1500][width] */
  encode(mel: Float32Array): Rows {
    const input = Array.from({ length: FRAMES }, (_, t) =>
      Float64Array.from({ length: BANDS }, (_, band) => mel[band * FRAMES + t]!),
    );
    let x = this.#convolve("encoder.conv1", input, 1);
    x = this.#convolve("encoder.conv2", x, 2);
    const positions = this.#matrix("encoder.embed_positions.weight");
    x = x.map((row, t) => row.map((value, i) => value + positions[t]![i]!));
    for (let layer = 0; this.tensors.has(`encoder.layers.${layer}.fc1.weight`); layer++) {
      const name = `encoder.layers.${layer}`;
      const normed = this.#layerNorm(`${name}.self_attn_layer_norm`, x);
      const [q, k, v] = ["q", "k", "v"].map((part) => this.#linear(`${name}.self_attn.${part}_proj`, normed));
      const { audioHeads } = this.shape;
      const attended = attention(q!, k!, v!, audioHeads, audioHeads, false);
      x = sum(x, this.#linear(`${name}.self_attn.out_proj`, attended));
      const hidden = this.#linear(`${name}.fc1`, this.#layerNorm(`${name}.final_layer_norm`, x));
      x = sum(
        x,
        this.#linear(
          `${name}.fc2`,
          hidden.map((row) => row.map(gelu)),
        ),
      );
    }
    return this.#layerNorm("encoder.layer_norm", x);
  }

  /** [375][width of the language model] */
  adapt(encoded: Rows): Rows {
    const { stacked } = this.shape;
    const rows = Array.from({ length: encoded.length / stacked }, (_, i) =>
      Float64Array.from(encoded.slice(i * stacked, (i + 1) * stacked).flatMap((row) => [...row])),
    );
    return this.#linear(
      "adapter.w_out",
      this.#linear("adapter.w_in", rows).map((row) => row.map(gelu)),
    );
  }

  embed(tokens: readonly number[]): Rows {
    const table = this.#matrix("llm.model.embed_tokens.weight");
    return tokens.map((token) => table[token]!);
  }

  /** Logits after the last of `rows`. */
  logits(rows: Rows): Float64Array {
    let x = rows;
    for (let layer = 0; this.tensors.has(`llm.model.layers.${layer}.mlp.up_proj.weight`); layer++) {
      const name = `llm.model.layers.${layer}`;
      const normed = this.#rmsNorm(`${name}.input_layernorm`, x);
      const { heads, keyHeads } = this.shape;
      const project = (part: string, count: number) => {
        const projected = this.#linear(`${name}.self_attn.${part}_proj`, normed);
        const width = projected[0]!.length / count;
        const norm = this.tensors.has(`${name}.self_attn.${part}_norm.weight`);
        return projected.map((row, position) => {
          const turned = new Float64Array(row.length);
          for (let head = 0; head < count; head++) {
            let part_ = row.slice(head * width, (head + 1) * width);
            if (norm) part_ = this.#rmsNorm(`${name}.self_attn.${part}_norm`, [part_])[0]!;
            turned.set(rotate(part_, position), head * width);
          }
          return turned;
        });
      };
      const v = this.#linear(`${name}.self_attn.v_proj`, normed);
      const attended = attention(project("q", heads), project("k", keyHeads), v, heads, keyHeads, true);
      x = sum(x, this.#linear(`${name}.self_attn.o_proj`, attended));
      const inner = this.#rmsNorm(`${name}.post_attention_layernorm`, x);
      const gate = this.#linear(`${name}.mlp.gate_proj`, inner);
      const up = this.#linear(`${name}.mlp.up_proj`, inner);
      const hidden = gate.map((row, t) =>
        row.map((value, i) => (value / (1 + Math.exp(-value))) * up[t]![i]!),
      );
      x = sum(x, this.#linear(`${name}.mlp.down_proj`, hidden));
    }
    const [last] = this.#rmsNorm("llm.model.norm", x.slice(-1));
    const head = this.tensors.has("llm.lm_head.weight")
      ? "llm.lm_head.weight"
      : "llm.model.embed_tokens.weight";
    return Float64Array.from(this.#matrix(head), (row) => dot(row, last!));
  }

  #values(name: string): Float32Array {
    const { bytes } = this.tensors.get(name)!;
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  }

  #matrix(name: string): Rows {
    const values = this.#values(name);
    const [rows = 0] = this.tensors.get(name)!.shape;
    const width = values.length / rows;
    return Array.from({ length: rows }, (_, i) =>
      Float64Array.from(values.subarray(i * width, (i + 1) * width)),
    );
  }

  #linear(name: string, x: Rows): Rows {
    const weight = this.#matrix(`${name}.weight`);
    const bias = this.tensors.has(`${name}.bias`) ? this.#values(`${name}.bias`) : undefined;
    return x.map((row) => Float64Array.from(weight, (each, i) => dot(each, row) + (bias?.[i] ?? 0)));
  }

  /** GELU of a convolution with a kernel of 3 and padding of 1. */
  #convolve(name: string, x: Rows, stride: number): Rows {
    const weight = this.#matrix(`${name}.weight`);
    const bias = this.#values(`${name}.bias`);
    const nothing = new Float64Array(x[0]!.length);
    return Array.from({ length: x.length / stride }, (_, t) => {
      const [a, b, c] = [-1, 0, 1].map((offset) => x[t * stride + offset] ?? nothing);
      const taps = new Float64Array(3 * nothing.length);
      for (let i = 0; i < nothing.length; i++) taps.set([a![i]!, b![i]!, c![i]!], 3 * i);
      return Float64Array.from(weight, (each, i) => gelu(dot(each, taps) + bias[i]!));
    });
  }

  #layerNorm(name: string, x: Rows): Rows {
    const [weight, bias] = [this.#values(`${name}.weight`), this.#values(`${name}.bias`)];
    return x.map((row) => {
      const mean = row.reduce((total, value) => total + value, 0) / row.length;
      const variance = row.reduce((total, value) => total + (value - mean) ** 2, 0) / row.length;
      return row.map((value, i) => ((value - mean) / Math.sqrt(variance + 1e-5)) * weight[i]! + bias[i]!);
    });
  }

  #rmsNorm(name: string, x: Rows): Rows {
    const weight = this.#values(`${name}.weight`);
    return x.map((row) => {
      const scale = 1 / Math.sqrt(dot(row, row) / row.length + 1e-6);
      return row.map((value, i) => value * scale * weight[i]!);
    });
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
}

function sum(a: Rows, b: Rows): Rows {
  return a.map((row, t) => row.map((value, i) => value + b[t]![i]!));
}

function attention(q: Rows, k: Rows, v: Rows, heads: number, keyHeads: number, causal: boolean): Rows {
  const width = q[0]!.length / heads;
  const results = q.map(() => new Float64Array(heads * width));
  for (let head = 0; head < heads; head++) {
    const shared = Math.floor((head * keyHeads) / heads) * width;
    const keys = k.map((row) => row.slice(shared, shared + width));
    for (let t = 0; t < q.length; t++) {
      const query = q[t]!.slice(head * width, (head + 1) * width);
      const seen = causal ? t + 1 : k.length;
      const scores = new Float64Array(seen);
      for (let i = 0; i < seen; i++) scores[i] = dot(query, keys[i]!) / Math.sqrt(width);
      const most = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      let total = 0;
      for (let i = 0; i < seen; i++) total += scores[i] = Math.exp(scores[i]! - most);
      for (let i = 0; i < seen; i++) {
        const share = scores[i]! / total;
        for (let c = 0; c < width; c++) results[t]![head * width + c]! += share * v[i]![shared + c]!;
      }
    }
  }
  return results;
}

/** Rotary position embedding (Su et al., 2021): value i is paired with the one half a head further. */
function rotate(head: Float64Array<ArrayBuffer>, position: number): Float64Array<ArrayBuffer> {
  const half = head.length / 2;
  return head.map((value, i) => {
    const angle = position * 1e6 ** (-(i % half) / half);
    const partner = i < half ? -head[i + half]! : head[i - half]!;
    return value * Math.cos(angle) + partner * Math.sin(angle);
  });
}

/** x·Φ(x), the error function by its series and, far out, its continued fraction. */
function gelu(x: number): number {
  return (x / 2) * (1 + erf(x / Math.SQRT2));
}

function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 2.5) {
    let [term, total] = [z, z];
    for (let n = 1; Math.abs(term) > 1e-17; n++) {
      term *= -(z * z) / n;
      total += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * total) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / ((z + fraction) * Math.sqrt(Math.PI)));
}
