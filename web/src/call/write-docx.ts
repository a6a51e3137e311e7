import { Document, HeadingLevel, Packer, Paragraph, TextRun } from "docx";
import { clock } from "../format.js";
import type { Written } from "./written.js";

/** The page's colours of speakers, on paper. */
const COLOURS = ["2F6FAE", "B4581C", "3A7D44", "8A4FA0", "9A7A12", "0F7F83", "A83860", "5B646E"];
const QUIET = "5A6775";

/** The turns as a document: who, when and what, a paragraph each. */
export function writeDocx({ language, parties, result, title, turns }: Written): Promise<Blob> {
  const heading = new Paragraph({ text: title, heading: HeadingLevel.HEADING_1 });
  const facts = [
    clock(result.duration),
    ...parties.map(({ name, talkTime }) => `${name} ${clock(talkTime)}`),
  ];
  const spoken = turns.map(
    (turn) =>
      new Paragraph({
        spacing: { before: 160 },
        children: [
          new TextRun({ text: parties[turn.party]?.name ?? "", bold: true, color: COLOURS[turn.party % 8]! }),
          new TextRun({ text: `  ${clock(turn.start)}`, color: QUIET, size: 18 }),
          new TextRun({ text: turn.text, break: 1, language: { value: result.language || language } }),
        ],
      }),
  );
  const about = new Paragraph({ children: [new TextRun({ text: facts.join(" · "), color: QUIET })] });
  return Packer.toBlob(new Document({ title, sections: [{ children: [heading, about, ...spoken] }] }));
}
