import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const TOOLS = fileURLToPath(new URL("../../build/tools/", import.meta.url));

/** A program that checks what is in deploy/, as scripts/install-deploy-tools.sh or the system has it; undefined: neither. */
export function toolOf(name: "promtool" | "hadolint"): string | undefined {
  const found = [TOOLS + name, name].find((program) => spawnSync(program, ["--version"]).status === 0);
  if (!found)
    console.log(`Files of deploy/ are checked without ${name}: scripts/install-deploy-tools.sh fetches it`);
  return found;
}
