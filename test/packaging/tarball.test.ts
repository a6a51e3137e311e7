import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Packed {
  files: { path: string; size: number }[];
}

describe("the npm package", () => {
  let paths: string[];
  let bytes: number;

  beforeAll(() => {
    const output = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [packed] = Object.values(JSON.parse(output) as Packed[]);
    const files = (packed as Packed).files.filter(({ path }) => !path.startsWith("prebuilds/"));
    paths = files.map(({ path }) => path);
    bytes = files.reduce((sum, { size }) => sum + size, 0);
  });

  it("holds what a build from source needs", () => {
    expect(paths).toEqual(
      expect.arrayContaining([
        "CMakeLists.txt",
        "binding.gyp",
        "native/addon.cpp",
        "native/addon.map",
        "native/cmake/ggml.cmake",
        "native/ggml/barrier.c",
        "scripts/build-native.mjs",
        "scripts/install.mjs",
        "scripts/whisper-cpp-directory.mjs",
      ]),
    );
  });

  it("holds the demo model with its card, the VAD model, the registry, the samples and the licences", () => {
    expect(paths).toEqual(
      expect.arrayContaining([
        "models/agora-demo-q8_0.bin",
        "models/demo.md",
        "models/registry.json",
        "models/silero-v6.2.0.bin",
        "samples/sales-call-en.wav",
        "samples/sales-call-ru.wav",
        "LICENSE",
        "THIRD_PARTY_LICENSES.md",
        "package.json",
      ]),
    );
  });

  it("holds no tests, benchmarks, sources of dist, build folders or long recordings", () => {
    const unwanted =
      /^(test|bench|src|build|coverage|node_modules|\.ci)\/|\.flac$|\.tgz$|^scripts\/(setup|lint|test)/;
    expect(paths.filter((path) => unwanted.test(path))).toEqual([]);
  });

  it("stays below 35 MB unpacked without prebuilt binaries", () => {
    expect(bytes).toBeLessThan(35e6);
  });
});
