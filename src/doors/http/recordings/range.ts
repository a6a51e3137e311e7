import type { ByteRange } from "../../../service/recordings/store.js";
import { Refusal } from "../failures.js";

/**
 * The one range that a client asks for (RFC 9110, 14.2); undefined: all of the file, as for what is no range and for several.
 * @throws Refusal RANGE_NOT_SATISFIABLE where the file has none of it
 */
export function rangeOf(header: string | undefined, size: number): ByteRange | undefined {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  if (start < size && start <= end) return { start, end };
  throw new Refusal("RANGE_NOT_SATISFIABLE", `The recording has ${size} bytes`, undefined, {
    "content-range": `bytes */${size}`,
  });
}
