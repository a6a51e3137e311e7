import { describe, expect, it } from "vitest";
import { missing, Project, pathWith, temporary } from "./support/project.js";

describe.skipIf(missing !== undefined)("agora-transcribe build", () => {
  it("fetches the sources and says what building needs", () => {
    const project = new Project("project", { PATH: pathWith("node", "npm", "env", "sh") });
    expect(project.install("npm", ["agora-transcribe"])).toMatchObject({ code: 0 });
    const { code, stderr } = project.run(
      "node_modules/.bin/agora-transcribe",
      "build",
      "--out",
      temporary("agora-out-"),
    );
    expect(stderr).toContain("building from source needs a C++ compiler (g++) and CMake");
    expect(code).toBe(1);
  });
});
