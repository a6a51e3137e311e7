import { Busboy, type BusboyHeaders, type BusboyInstance } from "@fastify/busboy";
import type { FastifyRequest } from "fastify";
import type { Reservation } from "../../../service/call/byte-budget.js";
import type { Call } from "../../../service/call/call.js";
import type { Service } from "../../../service/service.js";
import { cut } from "../../../service/text.js";
import type { Upload } from "../../../service/upload.js";
import { Refusal } from "../failures.js";
import { bodyOf } from "./body.js";
import { Form } from "./form.js";
import { FORM_LIMITS, LONGEST_NAME, MOST_FIELD_BYTES } from "./limits.js";

/** What is read into. */
interface Target {
  form: Form;
  upload: Upload;
  /** Where the bytes of fields are counted. */
  memory: Reservation;
  fail(reason: unknown): void;
}

/**
 * Reads a form (RFC 7578): its file into `upload`, whether the fields come before or after it.
 * @throws Refusal for what is no form, or more of one than there may be; and whatever {@link bodyOf} and {@link Upload} throw
 */
export async function readForm(
  request: FastifyRequest,
  call: Call,
  service: Service,
  upload: Upload,
): Promise<Form> {
  const form = new Form();
  const memory = service.budgets.memory.open(call);
  let fail!: (reason: unknown) => void;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});
  const parser = openParser(request);
  const { finished, stop } = listen(parser, { form, upload, memory, fail });
  finished.catch(fail);
  try {
    for await (const chunk of bodyOf(request.raw, call, service.settings)) {
      const taken = new Promise<void>((resolve) => parser.write(chunk, () => resolve()));
      await call.race(Promise.race([taken, failed]));
    }
    parser.end();
    await call.race(Promise.race([finished, failed]));
    return form;
  } finally {
    await stop();
    service.note(call, form.filename ?? "", upload.bytes);
  }
}

function openParser({ headers }: FastifyRequest): BusboyInstance {
  try {
    return new Busboy({ headers: headers as BusboyHeaders, limits: FORM_LIMITS });
  } catch {
    throw new Refusal(
      "INVALID_ARGUMENT",
      "Expected a boundary in content-type: multipart/form-data; boundary=…",
    );
  }
}

interface Listening {
  /** Resolves when all of the form has been taken over. */
  finished: Promise<void>;
  /** Has no more of it written; resolves when nothing is. */
  stop(): Promise<void>;
}

function listen(parser: BusboyInstance, { form, upload, memory, fail }: Target): Listening {
  let fieldBytes = 0;
  let storing: Promise<void> = Promise.resolve();
  let end = (): void => {};
  const tooMany = (what: string, most: number) => () =>
    fail(new Refusal("REQUEST_TOO_LARGE", `Expected at most ${most} ${what} in a form`));
  parser.on("partsLimit", tooMany("parts", FORM_LIMITS.parts));
  parser.on("fieldsLimit", tooMany("fields", FORM_LIMITS.fields));
  parser.on("filesLimit", () => fail(new Refusal("INVALID_ARGUMENT", "Expected one file but received more")));
  parser.on("field", (name, value, _, isCut) => {
    try {
      checkName(name);
      if (isCut) throw tooLong(name, FORM_LIMITS.fieldSize);
      fieldBytes += Buffer.byteLength(value);
      if (fieldBytes > MOST_FIELD_BYTES) throw tooLong("all fields", MOST_FIELD_BYTES);
      memory.grow(Buffer.byteLength(value));
      form.add(name, value);
    } catch (reason) {
      fail(reason);
    }
  });
  parser.on("file", (name, stream, filename, _, mimeType) => {
    form.filename = cut(filename ?? "");
    form.fileField = cut(name ?? "");
    form.fileType = mimeType;
    end = () => void stream.destroy();
    storing = (async () => {
      for await (const data of stream) await upload.write(data as Buffer);
    })();
    storing.catch((error: Error) => fail(isCutShort(error) ? cutShort() : error));
  });
  const finished = new Promise<void>((resolve, reject) => {
    parser.once("finish", resolve);
    parser.once("error", (error) =>
      reject(isCutShort(error as Error) ? cutShort() : malformed(error as Error)),
    );
  });
  // Later ones have nothing to say.
  parser.on("error", () => {});
  return {
    finished: finished.then(() => storing),
    stop: async () => {
      end();
      await storing.catch(() => {});
    },
  };
}

/** @throws Refusal INVALID_ARGUMENT */
function checkName(name: string | undefined): asserts name is string {
  if (typeof name === "string" && name.length <= LONGEST_NAME && name !== "") return;
  const received = name === undefined || name === "" ? "none" : `${name.length} characters`;
  throw new Refusal(
    "INVALID_ARGUMENT",
    `Expected names of fields of at most ${LONGEST_NAME} characters but received ${received}`,
  );
}

function tooLong(what: string, most: number): Refusal {
  return new Refusal(
    "INVALID_ARGUMENT",
    `Expected at most ${most} bytes for ${what} but received more`,
    what,
  );
}

/** As the parser says it of a form, and of a file in it. */
function isCutShort({ message }: Error): boolean {
  return /Unexpected end|terminated early/.test(message);
}

function cutShort(): Refusal {
  return new Refusal("INVALID_ARGUMENT", "The form ends before its last boundary");
}

function malformed({ message }: Error): Refusal {
  return new Refusal("INVALID_ARGUMENT", `The form cannot be read: ${cut(message)}`);
}
