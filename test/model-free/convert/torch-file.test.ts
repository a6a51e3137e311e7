import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { TranscriptionError } from "../../../src/errors.js";
import { SourceFile } from "../../../src/models/convert/checkpoint/source-file.js";
import { readValues, type StoredTensor } from "../../../src/models/convert/checkpoint/tensor.js";
import { readTorchFile } from "../../../src/models/convert/checkpoint/torch-file.js";
import { folderOf } from "../../support/folder-of.js";
import { seededRandom } from "../../support/random.js";
import { floats } from "../../support/safetensors-writer.js";
import {
  pickle,
  pickledTensor,
  rowMajor,
  torchFile,
  torchZip,
  type View,
  zip,
} from "../../support/torch-writer.js";

async function read(bytes: Uint8Array): Promise<StoredTensor[]> {
  const folder = await folderOf({ "pytorch_model.bin": bytes });
  const file = await SourceFile.open(join(folder, "pytorch_model.bin"));
  onTestFinished(() => file.close());
  return readTorchFile(file);
}

async function valuesOf(tensor: StoredTensor): Promise<number[]> {
  const values: number[] = [];
  for await (const piece of readValues(tensor)) values.push(...piece);
  return values;
}

/** A file with one storage of the numbers from 0 on, and a tensor "a.weight" that views it. */
function fileWithView(view: Partial<View>, elements = 12, stored = elements): Buffer {
  const shape = view.shape ?? [elements];
  const full = { storage: "0", offset: 0, strides: rowMajor(shape), ...view, shape };
  const storage = floats([stored], (index) => index).bytes;
  const tensor = pickledTensor("F32", full, elements);
  return torchZip(pickle.program(pickle.dictionary([["a.weight", tensor]])), [["model/data/0", storage]]);
}

const SETTINGS = pickle.global("pyannote.audio.core.task", "Specifications");

/** NEWOBJ. */
function newObject(type: Buffer, args: Buffer = Buffer.from(")")): Buffer {
  return Buffer.concat([type, args, Buffer.from([0x81])]);
}

const program = (value: Buffer) => torchZip(pickle.program(value));

describe("a file of torch.save", () => {
  it("gives its tensors with their values", async () => {
    const tensors = await read(
      torchFile(
        new Map([
          ["a", floats([2, 3], [1, 2, 3, 4, 5, 6])],
          ["b", { type: "BF16", shape: [2], bytes: Uint8Array.of(0x80, 0x3f, 0xa0, 0xc0) }],
        ] as const),
      ),
    );
    expect(tensors.map(({ name, type, shape }) => [name, type, shape])).toEqual([
      ["a", "F32", [2, 3]],
      ["b", "BF16", [2]],
    ]);
    expect(await Promise.all(tensors.map(valuesOf))).toEqual([
      [1, 2, 3, 4, 5, 6],
      [1, -5],
    ]);
  });

  it("may be larger than 4 GB by its records", async () => {
    const tensors = await read(torchFile(new Map([["a", floats([2], [7, 8])]]), { zip64: true }));
    expect(await valuesOf(tensors[0]!)).toEqual([7, 8]);
  });

  it("may have tensors that view one storage", async () => {
    const view = (offset: number, shape: number[], strides = rowMajor(shape)) =>
      pickledTensor("F32", { storage: "0", offset, shape, strides }, 12);
    const bytes = torchZip(
      pickle.program(
        pickle.dictionary([
          ["whole", view(0, [3, 4])],
          ["again", view(0, [3, 4])],
          ["row", view(4, [4])],
          ["column of one", view(8, [1, 2], [99, 1])],
        ]),
      ),
      [["model/data/0", floats([12], (index) => index).bytes]],
    );
    const tensors = await read(bytes);
    expect(tensors[0]!.offset).toBe(tensors[1]!.offset);
    expect(await valuesOf(tensors[2]!)).toEqual([4, 5, 6, 7]);
    expect(await valuesOf(tensors[3]!)).toEqual([8, 9]);
  });

  it("may be an ordered dictionary with metadata, of parameters", async () => {
    const tensor = pickledTensor("F32", { storage: "0", offset: 0, shape: [2], strides: [1] }, 2);
    const hooks = pickle.call(pickle.global("collections", "OrderedDict"), Buffer.from(")"));
    const parameter = pickle.call(
      pickle.global("torch._utils", "_rebuild_parameter"),
      pickle.tuple(tensor, Buffer.from([0x88]), hooks),
    );
    const state = Buffer.concat([hooks, Buffer.from("("), pickle.text("a"), parameter, Buffer.from("u")]);
    const attributes = pickle.dictionary([["_metadata", hooks]]);
    const bytes = torchZip(pickle.program(Buffer.concat([state, attributes, Buffer.from("b")])), [
      ["model/data/0", floats([2], [3, 4]).bytes],
    ]);
    expect((await read(bytes)).map(({ name }) => name)).toEqual(["a"]);
  });

  it("may be a checkpoint of PyTorch Lightning, of which the model's own tensors are read", async () => {
    const tensor = pickledTensor("F32", { storage: "0", offset: 0, shape: [2], strides: [1] }, 2);
    const kind = pickle.call(
      pickle.global("pyannote.audio.core.task", "Problem"),
      pickle.tuple(pickle.integer(2)),
    );
    const attributes = pickle.dictionary([
      ["problem", kind],
      ["classes", Buffer.concat([Buffer.from("]("), pickle.text("speaker#1"), Buffer.from("e")])],
    ]);
    const settings = Buffer.concat([newObject(SETTINGS), attributes, Buffer.from("b")]);
    const list = Buffer.concat([
      newObject(pickle.global("omegaconf.listconfig", "ListConfig")),
      Buffer.from("("),
      kind,
      Buffer.from("e"),
    ]);
    const version = newObject(
      pickle.global("torch.torch_version", "TorchVersion"),
      pickle.tuple(pickle.text("2.0.0")),
    );
    const checkpoint = pickle.dictionary([
      ["epoch", pickle.integer(7)],
      [
        "pyannote.audio",
        pickle.dictionary([
          ["specifications", settings],
          ["versions", pickle.dictionary([["torch", version]])],
        ]),
      ],
      ["state_dict", pickle.dictionary([["a.weight", tensor]])],
      ["hyper_parameters", list],
      ["optimizer_states", pickle.dictionary([["exp_avg", tensor]])],
    ]);
    const [found, ...others] = await read(
      torchZip(pickle.program(checkpoint), [["model/data/0", floats([2], [3, 4]).bytes]]),
    );
    expect([found!.name, await valuesOf(found!), others]).toEqual(["a.weight", [3, 4], []]);
  });

  it.each([
    [
      "a call of a shell",
      program(pickle.call(pickle.global("posix", "system"), pickle.tuple(pickle.text("id")))),
      'names "posix.system"',
    ],
    ["another function of torch", program(pickle.global("torch.hub", "load")), 'names "torch.hub.load"'],
    ["a storage that is none", program(pickle.global("torch", "_Storage")), 'names "torch._Storage"'],
    ["the opcode INST", program(Buffer.from("(iposix\nsystem\n")), "opcode INST"],
    [
      "an object of a class",
      program(newObject(pickle.global("builtins", "eval"))),
      'names "builtins.eval", which a dictionary of tensors does not need; nothing of it was run',
    ],
    [
      "a foreign object among its tensors",
      program(pickle.dictionary([["state_dict", pickle.dictionary([["a", newObject(SETTINGS)]])]])),
      'entry "a" is no tensor',
    ],
    ["an object of what is no class", program(newObject(pickle.integer(1))), "makes an object"],
    ["an unknown opcode", program(Buffer.from([0xff])), "opcode 0xff"],
    [
      "a dictionary called with other than pairs",
      program(pickle.call(pickle.global("collections", "OrderedDict"), pickle.tuple(pickle.integer(1)))),
      'calls "collections.OrderedDict"',
    ],
    ["a pickle that is cut off", torchZip(Buffer.from([0x80, 2])), "pickle is cut off"],
    ["an empty stack", torchZip(Buffer.from(".")), "takes a value that is not there"],
    ["a value that was never stored", program(Buffer.from("h\x05")), "recalls a value that it never had"],
    ["a list instead of a dictionary", program(Buffer.from("]")), "no dictionary of tensors"],
    [
      "an entry that is no tensor",
      program(pickle.dictionary([["optimizer", pickle.integer(1)]])),
      'entry "optimizer" is no tensor',
    ],
    ["a transposed view", fileWithView({ shape: [3, 4], strides: [1, 3] }), "not contiguous (strides [1, 3]"],
    ["a view beyond its storage", fileWithView({ offset: 9, shape: [4] }), "reaches beyond its storage"],
    ["a negative offset", fileWithView({ offset: -1, shape: [4] }), "reaches beyond its storage"],
    ["a storage that is too small", fileWithView({}, 12, 11), "storage of 12 elements, but its data has 44"],
    [
      "a storage that is missing",
      fileWithView({ storage: "7" }),
      'storage "7", which the file does not have',
    ],
    [
      "compressed entries",
      zip([["model/data.pkl", Buffer.from("x")]], { method: 8 }),
      "is compressed (method 8)",
    ],
    ["no pickle", zip([["model/other", Buffer.from("x")]]), "no data.pkl"],
    [
      "big-endian numbers",
      zip([
        ["model/data.pkl", pickle.program(pickle.dictionary([]))],
        ["model/byteorder", Buffer.from("big")],
      ]),
      'byte order is "big"',
    ],
    ["the format before 1.6", Buffer.from([0x80, 2, 0x8a, 10]), "format of PyTorch before 1.6"],
    ["something else", Buffer.from("<html></html>"), "no ZIP archive written by torch.save"],
    ["nothing", Buffer.alloc(0), "no ZIP archive"],
    ["an archive that is cut off", fileWithView({}).subarray(0, -30), "it is cut off"],
  ])("with %s is refused", async (_, bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining(message),
    });
  });

  const repeated = (count: number, opcodes: Buffer) =>
    Buffer.concat(Array.from({ length: count }, () => opcodes));
  const long = Buffer.concat([Buffer.from("]q\0("), repeated(100_000, Buffer.from(")")), Buffer.from("e")]);
  it.each([
    ["calls with a long list", repeated(200_000, Buffer.from("ccollections\nOrderedDict\nh\0\x85R0"))],
    ["appends a long list", repeated(200_000, Buffer.from("(h\0h\0e"))],
    [
      "tensors with a long shape",
      repeated(200_000, Buffer.from("ctorch._utils\n_rebuild_tensor_v2\n(h\0h\0h\0h\0tR")),
    ],
    [
      "names of a long text",
      Buffer.concat([
        pickle.text("x".repeat(1_000_000)),
        Buffer.from("q\x01"),
        repeated(100_000, Buffer.from("h\x01h\x01\x93")),
      ]),
    ],
  ])("that would take for ever is given up at once: %s", async (_, opcodes) => {
    const start = performance.now();
    await expect(read(program(Buffer.concat([long, opcodes])))).rejects.toMatchObject({
      code: "MODEL_INVALID",
    });
    // Minutes without a bound; a bound of work needs no exact one of time.
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it("with any damage fails with a coded error or not at all", async () => {
    const random = seededRandom(5);
    const intact = torchFile(
      new Map([
        ["a", floats([4])],
        ["b", floats([2, 2])],
      ]),
    );
    for (let i = 0; i < 500; i++) {
      const damaged = Buffer.from(intact.subarray(0, i % 4 ? intact.length : random() * intact.length));
      if (damaged.length > 0) damaged[Math.floor(random() * damaged.length)] = random() * 256;
      await read(damaged).catch((error) => expect(error).toBeInstanceOf(TranscriptionError));
    }
  });
});
