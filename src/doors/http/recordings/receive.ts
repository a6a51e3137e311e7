import type { FastifyRequest } from "fastify";
import { mediaTypeOf, UNKNOWN_TYPE } from "../../../service/recordings/media-types.js";
import type { Service } from "../../../service/service.js";
import { cut } from "../../../service/text.js";
import type { Upload } from "../../../service/upload.js";
import { Refusal } from "../failures.js";
import { bodyOf } from "../forms/body.js";
import { readForm } from "../forms/multipart.js";
import { requirePlain } from "../forms/required.js";

/** What a recording came with. */
export interface Received {
  filename: string;
  /** Media type. */
  type: string;
}

const MEDIA_TYPE = /^[\w.+-]{1,100}\/[\w.+-]{1,100}$/;

/**
 * A recording into `upload`: the file of a form, or the whole body.
 * @param filename of a whole body
 * @throws Refusal for a body without a recording; whatever {@link readForm} and {@link bodyOf} throw
 */
export async function receiveRecording(
  request: FastifyRequest,
  service: Service,
  upload: Upload,
  filename: string,
): Promise<Received> {
  const { call, headers, raw } = request;
  requirePlain(headers["content-encoding"]);
  const type = (headers["content-type"] ?? "").split(";", 1)[0]!.trim().toLowerCase();
  if (type === "multipart/form-data") {
    const form = await readForm(request, call, service, upload);
    requireBytes(upload);
    return { filename: form.filename ?? "", type: mediaType(form.fileType, form.filename) };
  }
  if (!/^(audio|video)\/|^application\/octet-stream$/.test(type)) {
    const expected = "multipart/form-data with a file, or audio/… with the recording itself,";
    const received = type === "" ? "none" : JSON.stringify(cut(type));
    throw new Refusal(
      "UNSUPPORTED_MEDIA_TYPE",
      `Expected ${expected} for content-type but received ${received}`,
    );
  }
  try {
    for await (const chunk of bodyOf(raw, call, service.settings)) await upload.write(chunk);
  } finally {
    service.note(call, cut(filename), upload.bytes);
  }
  requireBytes(upload);
  return { filename: cut(filename), type: mediaType(type, filename) };
}

function requireBytes({ bytes }: Upload): void {
  if (bytes === 0)
    throw new Refusal("INVALID_ARGUMENT", "Expected the bytes of a recording but received none", "file");
}

/** The one that is given, or what the name tells where that says nothing, as many clients do. */
function mediaType(given: string | undefined, filename = ""): string {
  const says = given !== undefined && given !== UNKNOWN_TYPE && MEDIA_TYPE.test(given);
  return says ? given : mediaTypeOf(filename);
}
