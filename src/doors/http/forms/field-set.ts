import {
  fieldName,
  OPTION_FIELDS,
  type OptionPath,
  type RequestOptions,
} from "../../../service/options/fields.js";
import type { Kind } from "../../../service/options/kinds.js";
import { type Given, readField, readOptions } from "../../../service/options/read-options.js";
import { unknownFields } from "./unknown-fields.js";

/** A field that is no option of the library. */
export interface Field<T = unknown> {
  kind: Kind<T>;
  is: string;
}

type Fields = Readonly<Record<string, Field>>;
type ValueOf<F> = F extends Field<infer T> ? T : never;

/** What a request can say to an endpoint: options of the library, under the names of their table, and fields of its own. */
export class FieldSet<const F extends Fields> {
  readonly #paths: readonly OptionPath[];
  readonly #own: F;
  /** Names of all of them. */
  readonly #known: readonly string[];
  /** Names of the options: another of its own goes before an option of the same name. */
  readonly #options: ReadonlySet<string>;

  /** @param others fields of the endpoint's other servers that nothing follows from here */
  constructor(paths: readonly OptionPath[], own: F, others: readonly string[] = []) {
    this.#paths = paths;
    this.#own = own;
    const names = paths.map(fieldName);
    this.#known = [...Object.keys(own), ...names, ...others];
    this.#options = new Set(names.filter((name) => !Object.hasOwn(own, name)));
  }

  /**
   * Those of a request's fields that are not known here.
   * @param names of all that it has @param file what its file's field is called @param more fields that are known besides
   * @throws Refusal INVALID_ARGUMENT for what is probably a slip of the pen
   */
  unknown(names: readonly string[], file = "file", more: readonly string[] = []): string[] {
    return unknownFields(names, [file, ...this.#known, ...more]);
  }

  /** The options of the library. @throws TranscriptionError INVALID_ARGUMENT that names the field */
  options(given: Given): RequestOptions {
    return readOptions((name) => (this.#options.has(name) ? given(name) : []));
  }

  /** A field of its own; undefined where it was not given. @throws TranscriptionError INVALID_ARGUMENT that names it */
  read<N extends keyof F & string>(name: N, given: Given): ValueOf<F[N]> | undefined {
    return readField(name, this.#own[name]!.kind as Kind<ValueOf<F[N]>>, given);
  }

  /** JSON Schema of each. */
  get properties(): Record<string, object> {
    const property = ({ kind, is }: Field): object => ({ ...kind.schema, description: is });
    const options = Object.fromEntries(this.#paths.map((path) => [fieldName(path), OPTION_FIELDS[path]]));
    const own: Fields = this.#own;
    return Object.fromEntries(
      Object.entries({ ...own, ...options, ...own }).map(([name, field]) => [name, property(field)]),
    );
  }
}

/** JSON Schema of a form with a recording. @param file what its field is called */
export function formWith(file: string, properties: Readonly<Record<string, object>> = {}): object {
  return {
    type: "object",
    required: [file],
    properties: {
      [file]: {
        type: "string",
        contentEncoding: "binary",
        description: "The recording, in any format that FFmpeg reads: its content decides.",
      },
      ...properties,
    },
  };
}
