// One process, given an order of work: both ggml copies live in it. Prints what came out as JSON.
//
//   node scenario.mjs <node_modules with node-llama-cpp> <llama.gguf> <step,step,…>
//
// Steps: agora, llama (alone, to the end), both (at the same time).
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const [modules, gguf, steps] = process.argv.slice(2);
const root = fileURLToPath(new URL("../../../", import.meta.url));
let transcriber;
let model;

async function agora() {
  const { createTranscriber } = await import(pathToFileURL(path.join(root, "dist", "index.js")).href);
  transcriber ??= await createTranscriber({ model: "demo", device: "cpu", threads: 2, download: false });
  const { segments } = await transcriber.transcribe(path.join(root, "samples", "sales-call-en.wav"), {
    language: "en",
  });
  return segments.map(({ start, end, text }) => [start, end, text]);
}

async function llama() {
  const entry = createRequire(path.join(modules, "entry.js")).resolve("node-llama-cpp");
  const { getLlama } = await import(pathToFileURL(entry).href);
  if (!model) {
    const instance = await getLlama({ gpu: false, build: "never", progressLogs: false, logLevel: "error" });
    model = await instance.loadModel({ modelPath: gguf });
  }
  const context = await model.createContext({ contextSize: 256, threads: 2 });
  const tokens = [];
  for await (const token of context
    .getSequence()
    .evaluate(model.tokenize("a small test"), { temperature: 0 })) {
    if (tokens.push(token) === 100) break;
  }
  await context.dispose();
  return tokens;
}

const results = [];
for (const step of steps.split(",")) {
  if (step === "agora") results.push({ agora: await agora() });
  if (step === "llama") results.push({ llama: await llama() });
  if (step === "both") {
    const [heard, written] = await Promise.all([agora(), llama()]);
    results.push({ agora: heard, llama: written });
  }
}
const libraries = [...new Set(readFileSync("/proc/self/maps", "utf8").match(/\/\S*ggml\S*\.so\S*/g))].sort();
await transcriber?.close();
await model?.dispose();
process.stdout.write(`${JSON.stringify({ results, libraries })}\n`);
