import { cpSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { TranscriptionError } from "../../src/errors.js";
import { readCtranslate2Whisper } from "../../src/models/convert/checkpoint/ctranslate2-whisper.js";
import { Checkpoint } from "../../src/models/convert/checkpoint/folder.js";
import { readPickle } from "../../src/models/convert/checkpoint/pickle.js";
import { readSafetensors } from "../../src/models/convert/checkpoint/safetensors.js";
import { SourceFile } from "../../src/models/convert/checkpoint/source-file.js";
import { readValues, type StoredTensor } from "../../src/models/convert/checkpoint/tensor.js";
import { readTorchFile } from "../../src/models/convert/checkpoint/torch-file.js";
import { readTokens, textTokens } from "../../src/models/convert/whisper/vocabulary.js";
import { BOREALIS, borealisFiles, borealisTensors } from "../support/borealis-checkpoint.js";
import { convertHere } from "../support/convert-here.js";
import { ctranslate2, ctranslate2Whisper, PROJECTION, quantised } from "../support/ctranslate2-writer.js";
import { floats, safetensors, type TestTensor, type TestTensors } from "../support/safetensors-writer.js";
import { smallWhisper } from "../support/small-whisper.js";
import { pickle, pickledTensor, torchFile } from "../support/torch-writer.js";
import type { Mutator } from "./mutator.js";
import type { Reader } from "./reader.js";

/** Of one file; others are like them. */
const TENSORS_READ = 16;
const BYTES = 2;

const TENSORS: TestTensors = new Map([
  ["encoder.weight", floats([4, 6], (i) => i)],
  ["encoder.bias", floats([6])],
  ["steps", { type: "I64", shape: [], bytes: new Uint8Array(8) }],
  ["half", { type: "F16", shape: [2, 3], bytes: new Uint8Array(12) }],
]);
/** Deeper than a stack that recurses. */
const DEEP = 6000;
const JSON_WORDS = [
  `${"[".repeat(DEEP)}${"]".repeat(DEEP)}`,
  '{"toString":1}',
  '[{"toString":1},"b"]',
  ...[
    "null",
    "true",
    "[",
    "{",
    '{"a":',
    "]",
    "}",
    '"',
    "-1",
    "1e999",
    "9007199254740993",
    "0.5",
    '"__proto__":',
  ],
  ...['"dtype"', '"shape":[', '"data_offsets":[0,', '"BF16"', "\\ud800", "\xff", '"vocab":{', '"merges":['],
];
const PICKLE_WORDS = [
  ...[
    "\x80\x02",
    "}",
    "]",
    "(",
    "t",
    "u",
    "s",
    "e",
    "a",
    "R",
    "Q",
    "b",
    ".",
    "q\0",
    "h\0",
    "\x94",
    "\x85",
    "\x87",
  ],
  ...["ctorch\nFloatStorage\n", "ccollections\nOrderedDict\n", "ctorch._utils\n_rebuild_tensor_v2\n"],
  ...["cos\nsystem\n", "X\x04\0\0\0", "\x8a\xff", "J\xff\xff\xff\xff"],
];
const ZIP_WORDS = ["PK\x03\x04", "PK\x01\x02", "PK\x05\x06", "PK\x06\x06", "PK\x06\x07", "\x01\0\x18\0"];

/** Readers of checkpoints, in files of their own where they read files. */
export async function checkpointReaders(): Promise<Reader[]> {
  const folder = await mkdtemp(join(tmpdir(), "agora-fuzz-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const whisper = ctranslate2Whisper(tiny(smallWhisper({ rows: 8 })), 1);
  const whole = ctranslate2(whisper, [PROJECTION]);
  quantised(whisper, "I8");
  const refusals = ["MODEL_INVALID"] as const;
  return [
    {
      name: "safetensors",
      seeds: [safetensors(TENSORS), safetensors(new Map([...TENSORS].slice(0, 1)))],
      words: JSON_WORDS,
      read: tensorsOf(join(folder, "model.safetensors"), readSafetensors),
      refusals,
    },
    {
      name: "torch",
      seeds: [torchFile(TENSORS), torchFile(TENSORS, { zip64: true })],
      words: [...ZIP_WORDS, ...PICKLE_WORDS],
      read: tensorsOf(join(folder, "pytorch_model.bin"), readTorchFile),
      refusals,
    },
    {
      name: "pickle",
      seeds: [pickleOf(TENSORS), pickleOf(new Map([...TENSORS].slice(0, 1)))],
      words: PICKLE_WORDS,
      read: async (bytes) => {
        const { value } = readPickle(bytes, (problem) => new TranscriptionError("MODEL_INVALID", problem));
        return value instanceof Map ? value.size : 0;
      },
      refusals,
    },
    {
      name: "ctranslate2",
      seeds: [whole, ctranslate2(whisper, [PROJECTION])],
      words: [
        "encoder/layer_0/self_attention/linear_0/weight\0",
        "_scale\0",
        "\x06\0\0\0",
        "\xff\xff\xff\xff",
      ],
      read: tensorsOf(join(folder, "model.bin"), async (file) => [
        ...(await readCtranslate2Whisper(file)).tensors.values(),
      ]),
      refusals,
    },
    ...tokenReaders(join(folder, "whisper")),
    ...(await conversionReaders(join(folder, "borealis"))),
  ];
}

/** The same tensors with sizes of four at most. */
function tiny(tensors: TestTensors): Map<string, TestTensor> {
  return new Map(
    [...tensors].map(([name, { type, shape: whole, bytes }]) => {
      const shape = whole.map((size) => Math.min(size, 4));
      const count = shape.reduce((product, size) => product * size, 1);
      return [name, { type, shape, bytes: bytes.slice(0, BYTES * count) }];
    }),
  );
}

function pickleOf(tensors: TestTensors): Buffer {
  return pickle.program(
    pickle.dictionary(
      [...tensors].map(([name, { type, shape }], i) => {
        const strides = shape.map((_, dimension) => shape.slice(dimension + 1).reduce((a, b) => a * b, 1));
        return [name, pickledTensor(type, { storage: String(i), offset: 0, shape, strides }, 24)];
      }),
    ),
  );
}

function tensorsOf(
  path: string,
  read: (file: SourceFile) => Promise<StoredTensor[]>,
): (bytes: Buffer) => Promise<number> {
  return async (bytes) => {
    await writeFile(path, bytes);
    const file = await SourceFile.open(path);
    try {
      const tensors = await read(file);
      let count = 0;
      for (const tensor of tensors.slice(0, TENSORS_READ)) {
        // Whole numbers without a scale are no weights.
        if (tensor.type.includes("F") || tensor.scale)
          for await (const { length } of readValues(tensor)) count += length;
      }
      return count;
    } finally {
      await file.close();
    }
  };
}

/** Whisper's vocabularies, of which a few tokens tell as much as all. */
function tokenReaders(folder: string): Reader[] {
  const tokens = { a: 0, b: 1, Ġc: 2, "<|endoftext|>": 3 };
  const files = {
    "vocab.json": JSON.stringify(tokens),
    "tokenizer.json": JSON.stringify({
      added_tokens: [{ id: 3, content: "<|endoftext|>", special: true }],
      model: { type: "BPE", vocab: tokens, merges: ["a b"] },
    }),
    "vocabulary.json": JSON.stringify(Object.keys(tokens)),
    "vocabulary.txt": Object.keys(tokens).join("\n"),
  };
  return Object.entries(files).map(([file, content]) => ({
    name: `tokens-${file}`,
    seeds: [Buffer.from(content)],
    words: JSON_WORDS,
    async read(bytes) {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, "config.json"), '{"model_type":"whisper"}');
      await writeFile(join(folder, "model.safetensors"), safetensors(TENSORS));
      await writeFile(join(folder, file), bytes);
      const checkpoint = await Checkpoint.open(folder);
      try {
        return textTokens(await readTokens(checkpoint), 3).length;
      } finally {
        await checkpoint.close();
      }
    },
    refusals: ["MODEL_INVALID"],
  }));
}

/** A whole checkpoint, one file of which is damaged, made into model files. */
async function conversionReaders(root: string): Promise<Reader[]> {
  const intact = join(root, "intact");
  const files = borealisFiles(BOREALIS);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(intact, name)), { recursive: true });
    await writeFile(join(intact, name), JSON.stringify(content));
  }
  const weights = safetensors(borealisTensors(2));
  await writeFile(join(intact, "model.safetensors"), weights);
  const reader = (name: string, file: string, seeds: readonly Uint8Array[]): Reader => ({
    name,
    seeds,
    words: JSON_WORDS,
    async read(bytes: Buffer, choice: Mutator) {
      const folder = join(root, name);
      await rm(folder, { recursive: true, force: true });
      cpSync(intact, folder, { recursive: true });
      await writeFile(join(folder, file), bytes);
      const { files } = await convertHere(folder, {
        out: join(folder, "out"),
        type: choice.one(["f16", "q8_0"]),
        overwrite: true,
      });
      return files.length;
    },
    refusals: ["MODEL_INVALID", "MODEL_NOT_FOUND", "INVALID_ARGUMENT"],
  });
  const json = (name: string) => Buffer.from(JSON.stringify(files[name]));
  return [
    reader("config", "config.json", [json("config.json")]),
    reader("llm-config", "llm/config.json", [json("llm/config.json")]),
    reader("tokenizer", "tokenizer.json", [json("tokenizer.json")]),
    reader("tokenizer-config", "tokenizer_config.json", [json("tokenizer_config.json")]),
    reader("weights", "model.safetensors", [weights]),
  ];
}
