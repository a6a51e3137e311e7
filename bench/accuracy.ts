/**
 * Word error rates side by side.
 *
 *   npm run bench:accuracy                the demo model, against whisper.cpp: bench/accuracy/demo.ts
 *   npm run bench:accuracy -- --real      real Whisper base, against faster-whisper and whisper.cpp: bench/accuracy/real.ts
 *     --rows libri,russian                only rows whose names have one of these
 *     --programs "agora int8,batched"     only programs whose names have the words of one of these
 *     --threads 4                         of each program; default: the cores of this process
 */
import os from "node:os";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    real: { type: "boolean", default: false },
    rows: { type: "string", default: "" },
    programs: { type: "string", default: "" },
    threads: { type: "string", default: String(os.availableParallelism()) },
  },
});
if (values.real) {
  const { compareOnRealModel } = await import("./accuracy/real.js");
  const words = (list: string) => list.split(",").filter((word) => word !== "");
  const threads = Number(values.threads);
  const met = await compareOnRealModel({
    rows: words(values.rows),
    programs: words(values.programs),
    threads,
  });
  process.exitCode = met ? 0 : 1;
} else {
  await import("./accuracy/demo.js");
}
