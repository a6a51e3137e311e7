import type { FastifyRequest } from "fastify";
import type { Upload } from "../../../service/upload.js";
import { Refusal } from "../failures.js";

/** @throws Refusal UNSUPPORTED_MEDIA_TYPE */
export function requireForm({ headers }: FastifyRequest): void {
  const type = headers["content-type"] ?? "";
  if (/^multipart\/form-data\b/i.test(type)) return;
  const received = type === "" ? "none" : JSON.stringify(type.slice(0, 100));
  throw new Refusal(
    "UNSUPPORTED_MEDIA_TYPE",
    `Expected multipart/form-data for content-type but received ${received}`,
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
