import { spawnSync } from "node:child_process";

/** Python's YAML, since nothing here reads YAML in JavaScript. */
const PYTHON = "/usr/bin/python3";
export const hasYaml = spawnSync(PYTHON, ["-c", "import yaml"]).status === 0;

// biome-ignore lint/suspicious/noExplicitAny: files are of many kinds
export type Manifest = any;

/** The documents of a YAML file. */
export function parseYaml(text: string): Manifest[] {
  const program = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))";
  const { stdout, stderr, status } = spawnSync(PYTHON, ["-c", program], { input: text, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}
