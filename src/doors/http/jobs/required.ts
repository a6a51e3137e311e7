import { variableOf } from "../../../service/settings.js";
import { Refusal } from "../failures.js";

/** @throws Refusal NOT_FOUND */
export function requireJob<T>(found: T | undefined, id: string): T {
  if (found !== undefined) return found;
  const message = `There is no job ${id}: those that have ended are forgotten after ${variableOf("jobsTtl")}`;
  throw new Refusal("NOT_FOUND", message, "id");
}
