import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { missing, Project, packages } from "./support/project.js";

const recipe = readFileSync(fileURLToPath(new URL("../../deploy/Dockerfile", import.meta.url)), "utf8");

describe.skipIf(missing !== undefined)("what deploy/Dockerfile installs", () => {
  it("are the packages of this processor and what they need, which run as the image starts them", () => {
    const [, stage] = /^FROM \S+ AS install\n([\s\S]*?)^FROM /m.exec(recipe.replace(/\\\n/g, " "))!;
    const [, command] = /^RUN (.*)$/m.exec(stage!)!;
    // The cache is that of whoever runs the tests.
    const steps = command!.replaceAll("/packages/", `${packages}/`).replace(/&& npm cache clean --force/, "");
    const project = new Project("app");
    const { code, stderr } = project.run("sh", "-ec", steps);
    expect(code, stderr).toBe(0);
    const [, entry] = /^ENTRYPOINT (.*)$/m.exec(recipe)!;
    const [, program] = JSON.parse(entry!) as [string, string];
    const installed = path.join(project.folder, path.relative("/app", program));
    expect(project.run(process.execPath, installed, "doctor").stdout).toContain(
      `node_modules/agora-transcribe-linux-${process.arch}-gnu/prebuilds`,
    );
    expect(project.has("node_modules/agora-transcribe-demo")).toBe(false);
  });
});
