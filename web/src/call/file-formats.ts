/** Files that a text can be saved as; how they end is their name. */
export const FORMATS = ["txt", "docx", "srt", "vtt", "json", "csv", "tsv"] as const;
export type FileFormat = (typeof FORMATS)[number];
