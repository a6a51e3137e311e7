/**
 * The command line in a process of its own with a fake of the public API, for tests of signals and pipes.
 * A file named `endless` is transcribed until it is cancelled, one named `stuck` for ever, others at once.
 */
import { runProcess } from "../../src/cli/process.js";
import { TranscriptionError } from "../../src/errors.js";
import { answer, fakeApi } from "./fake-api.js";
import { segment } from "./results.js";

// What keeps a real transcription's process alive, and nothing else does here.
const alive = setInterval(() => {}, 1000);

await runProcess(
  fakeApi(async (input, options) => {
    const name = String(input);
    if (name.endsWith("endless") || name.endsWith("stuck")) {
      process.stderr.write("busy\n");
      return new Promise((_, reject) => {
        options?.signal?.addEventListener("abort", () => {
          process.stderr.write("cancelled\n");
          if (name.endsWith("endless")) reject(new TranscriptionError("CANCELLED", "Cancelled"));
        });
      });
    }
    return answer(Array.from({ length: 20_000 }, (_, index) => segment(index, index + 1, `Line ${index}.`)));
  }),
).finally(() => clearInterval(alive));
