/** What a form may hold besides the recording: far more than any client of the API sends. */
export const FORM_LIMITS = {
  files: 1,
  fields: 200,
  parts: 201,
  /** Bytes of a field: ten seconds of a voice, as a data: URL, are 430 kB to 2.6 MB. */
  fieldSize: 3 * 1024 ** 2,
  /** Headers of a part, and bytes of them. */
  headerPairs: 20,
  headerSize: 16 * 1024,
} as const;

/** Characters of a field's name. */
export const LONGEST_NAME = 100;
/** Bytes of all fields together: those of four voices. */
export const MOST_FIELD_BYTES = 4 * FORM_LIMITS.fieldSize;
/** Bytes of a request besides its recording: fields, and what parts them. */
export const MOST_BESIDE_FILE = 2 * MOST_FIELD_BYTES;
/**
 * Bytes a second that a request brings at least while it is waited for, in the mean of `SERVER_IDLE_TIMEOUT`: a tenth of what
 * speech takes in the narrowest of codecs.
 */
export const LEAST_RATE = 100;
