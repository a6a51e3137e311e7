import { join } from "node:path";
import { writeRandomNemotron } from "../../bench/support/random-nemotron.js";
import { convertHere } from "./convert-here.js";
import { temporaryFolder } from "./temporary-folder.js";

/** Path of a diarization model of random weights, the smallest of Nemotron's kind. */
export async function nemotronFile(): Promise<string> {
  const folder = await temporaryFolder();
  writeRandomNemotron(join(folder, "random"), {
    hiddenSize: 64,
    intermediateSize: 64,
    layers: 1,
    headSize: 32,
  });
  const { files } = await convertHere(join(folder, "random"), { out: folder });
  return files[0]!.path;
}
