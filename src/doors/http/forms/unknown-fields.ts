import { nearest } from "../../../config/nearest.js";
import { cut } from "../../../service/text.js";
import { Refusal } from "../failures.js";

/**
 * Those of `names` that are not known here: other servers have fields of their own, which their clients send.
 * @throws Refusal INVALID_ARGUMENT for what is probably a slip of the pen: it would be passed over
 */
export function unknownFields(names: readonly string[], known: readonly string[]): string[] {
  const unknown = names.filter((name) => !known.includes(name));
  for (const name of unknown) {
    const meant = nearest(name, known);
    if (meant === undefined) continue;
    const field = JSON.stringify(cut(name));
    throw new Refusal("INVALID_ARGUMENT", `Unknown field ${field}: did you mean ${meant}?`, cut(name));
  }
  return unknown.map((name) => cut(name));
}
