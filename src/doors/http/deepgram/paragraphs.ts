import { rounded } from "../rounded.js";
import { joined, parted, type Spoken } from "./spoken.js";

/** What ends a sentence, with what closes it. */
const SENTENCE_END = /[.?!…。？！।؟]["'”’»)\]]*$/u;
/** Seconds of a pause after a sentence in which a paragraph ends. */
const PAUSE = 1;
/** Sentences of a paragraph. */
const LONGEST = 5;

/** What is said in paragraphs: they end with a speaker's turn, in a pause, or when they are long. */
export function paragraphsOf(spoken: readonly Spoken[]): object {
  const sentences = parted(
    spoken,
    (piece, before) => SENTENCE_END.test(before.text) || piece.speaker !== before.speaker,
  );
  const paragraphs: Spoken[][][] = [];
  for (const sentence of sentences) {
    const current = paragraphs.at(-1);
    const before = current?.at(-1)?.at(-1);
    const first = sentence[0]!;
    const goesOn =
      before !== undefined &&
      current!.length < LONGEST &&
      before.speaker === first.speaker &&
      first.start - before.end < PAUSE;
    if (goesOn) current!.push(sentence);
    else paragraphs.push([sentence]);
  }
  const textOf = (sentence: readonly Spoken[]) => joined(sentence.map(({ text }) => text));
  let speaker: number | undefined;
  const texts = paragraphs.map((paragraph) => {
    const by = paragraph[0]![0]!.speaker;
    const label = by !== undefined && by !== speaker ? `Speaker ${by}: ` : "";
    speaker = by;
    return `\n${label}${joined(paragraph.map(textOf))}`;
  });
  return {
    transcript: texts.join("\n"),
    paragraphs: paragraphs.map((paragraph) => {
      const all = paragraph.flat();
      const [first] = all;
      return {
        sentences: paragraph.map((sentence) => ({
          text: textOf(sentence),
          start: rounded(sentence[0]!.start),
          end: rounded(sentence.at(-1)!.end),
        })),
        ...(first!.speaker !== undefined && { speaker: first!.speaker }),
        num_words: all.reduce((sum, { text }) => sum + text.split(/\s+/).length, 0),
        start: rounded(first!.start),
        end: rounded(all.at(-1)!.end),
      };
    }),
  };
}
