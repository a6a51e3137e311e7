// Text of a recording, with the time and confidence of each word:
//   node transcribe.mjs call.wav
import { TranscriptionError, transcribe } from "agora-transcribe";

const [file] = process.argv.slice(2);
try {
  const result = await transcribe(file, { wordTimestamps: true });
  console.log(result.text);
  for (const word of result.segments.flatMap(({ words }) => words)) {
    console.log(
      `${word.start.toFixed(2)}\t${word.end.toFixed(2)}\t${word.confidence.toFixed(2)}\t${word.text}`,
    );
  }
  for (const warning of result.warnings) console.error(`Note: ${warning}`);
} catch (error) {
  if (!(error instanceof TranscriptionError)) throw error;
  console.error(`${error.code}: ${error.message}`); // FILE_NOT_FOUND, DECODE_FAILED, MODEL_NOT_FOUND, …
  process.exitCode = 1;
}
