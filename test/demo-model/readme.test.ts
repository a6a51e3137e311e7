import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(path.join(root, "README.md"), "utf8");
// Inside the package, so that it is found under its own name, as its users import it.
const folder = path.join(root, "build", "readme-examples");

/** The TypeScript examples that stand alone: the others import files of the reader's own. */
const examples = ["README.md", "docs/library.md"].flatMap((page) =>
  [...readFileSync(path.join(root, page), "utf8").matchAll(/```ts\n(.*?)```/gs)]
    .map(([, code]) => code!)
    .filter((code) => !code.includes('from "./'))
    .map((code, index) => [index + 1, page, code] as const),
);

describe("README and the page about the library", () => {
  test.each(examples)("example %i of %s runs as printed", async (i, page, code) => {
    mkdirSync(folder, { recursive: true });
    const file = path.join(folder, `example-${path.basename(page, ".md")}-${i}.mjs`);
    writeFileSync(file, code);
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [file], {
        cwd: root,
        timeout: 170_000,
      });
      expect(stdout).toMatch(/phone number|Доставка|invoice|gRPC on port \d+/);
    } finally {
      rmSync(file);
    }
  });

  test("README has the two commands that continuous integration runs", () => {
    const ci = readFileSync(path.join(root, ".ci", "run"), "utf8");
    const commands = [...readme.matchAll(/```sh\nbash scripts\/setup\.sh && (.*?)\n```/gs)].map(
      ([, rest]) => rest!,
    );
    expect(commands).toHaveLength(2);
    for (const command of commands) expect(ci).toContain(command);
  });
});
