// Who says what in a call. Two parties on two channels need no model of their own; for speakers of one channel one is
// downloaded when it is first used.
//   node speakers.mjs call.wav
import { transcribe } from "agora-transcribe";

const [file] = process.argv.slice(2);
const result = await transcribe(file, { diarize: true, roles: true });
const nameOf = new Map(result.speakers.map(({ id, role }) => [id, role ?? id]));
for (const { start, speaker, text } of result.segments) {
  console.log(`${start.toFixed(1)} ${nameOf.get(speaker) ?? "?"}: ${text}`);
}
for (const { id, talkTime } of result.speakers)
  console.log(`${nameOf.get(id)} talks for ${talkTime.toFixed(0)} s`);
