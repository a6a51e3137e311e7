import { wrongField } from "../../../service/options/read-options.js";

/** The fields of a form, in whatever order they came. */
export class Form {
  readonly #fields = new Map<string, string[]>();
  /** Name of the file, cut; undefined where there was none. */
  filename: string | undefined;
  /** Media type of the file, as its client has it. */
  fileType: string | undefined;
  /** Name of the file's field. */
  fileField: string | undefined;

  add(name: string, value: string): void {
    const values = this.#fields.get(name);
    if (values) values.push(value);
    else this.#fields.set(name, [value]);
  }

  /** Names of all fields, lists and objects without their brackets. */
  get names(): string[] {
    return [...new Set([...this.#fields.keys()].map((name) => name.replace(/\[.*$/s, "")))];
  }

  /** What `name` or `name[]` were given, as a list has it: also `name[0]`, `name[1]`, … */
  readonly texts = (name: string): readonly string[] => {
    const found: string[] = [];
    for (const [given, values] of this.#fields) {
      if (given === name || (given.startsWith(`${name}[`) && /^\[\d*\]$/.test(given.slice(name.length))))
        found.push(...values);
    }
    return found;
  };

  /** The last of them that is not empty. */
  text(name: string): string | undefined {
    return this.texts(name).findLast((text) => text !== "");
  }

  /**
   * An object, given as JSON or by its keys: `name[key]`.
   * @throws TranscriptionError INVALID_ARGUMENT for JSON that is none, or no object
   */
  object(name: string): Record<string, unknown> | undefined {
    const parts = [...this.#fields].flatMap(([given, values]) => {
      const [, key] = given.startsWith(`${name}[`)
        ? (/^\[([^[\]]+)\]$/.exec(given.slice(name.length)) ?? [])
        : [];
      return key === undefined || /^\d+$/.test(key) ? [] : [[key, values.at(-1)!] as const];
    });
    if (parts.length > 0) return Object.fromEntries(parts);
    const text = this.text(name);
    if (text === undefined) return undefined;
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "object" && value !== null && !Array.isArray(value))
        return value as Record<string, unknown>;
    } catch {
      // Told below.
    }
    throw wrongField(name, "an object", text);
  }
}
