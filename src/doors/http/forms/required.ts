import type { FastifyRequest } from "fastify";
import type { Upload } from "../../../service/upload.js";
import { Refusal } from "../failures.js";

/** @throws Refusal UNSUPPORTED_MEDIA_TYPE */
export function requireForm({ headers }: FastifyRequest): void {
  requirePlain(headers["content-encoding"]);
  const type = headers["content-type"] ?? "";
  if (/^multipart\/form-data\b/i.test(type)) return;
  const received = type === "" ? "none" : JSON.stringify(type.slice(0, 100));
  throw new Refusal(
    "UNSUPPORTED_MEDIA_TYPE",
    `Expected multipart/form-data for content-type but received ${received}`,
  );
}

/**
 * Nobody presses recordings again, and what is pressed may be of any length.
 * @throws Refusal UNSUPPORTED_MEDIA_TYPE
 */
export function requirePlain(encoding: string | undefined): void {
  if (encoding === undefined || /^\s*identity\s*$/i.test(encoding)) return;
  throw new Refusal(
    "UNSUPPORTED_MEDIA_TYPE",
    `Expected no content-encoding but received ${JSON.stringify(encoding.slice(0, 100))}`,
  );
}

/**
 * @param given name of the field that the file came in; undefined: there was no file
 * @param expected what clients call it
 * @throws Refusal INVALID_ARGUMENT
 */
export function requireFile(upload: Upload, given: string | undefined, expected = "file"): void {
  if (given === undefined)
    throw new Refusal(
      "INVALID_ARGUMENT",
      `Expected a recording in the field ${expected}, with a file name`,
      expected,
    );
  if (upload.bytes === 0)
    throw new Refusal("INVALID_ARGUMENT", `Expected a recording for ${expected} but it is empty`, expected);
}
