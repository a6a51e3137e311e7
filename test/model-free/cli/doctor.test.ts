import { describe, expect, it } from "vitest";
import { problemsOf } from "../../../src/cli/doctor.js";
import type { SystemInfo } from "../../../src/index.js";
import { fakeApi } from "../../support/fake-api.js";
import { runInProcess } from "../../support/run-cli.js";

const HEALTHY: SystemInfo = {
  version: "1.2.3",
  node: "v20.20.2",
  platform: "linux",
  arch: "x64",
  cpu: { model: "Test CPU", cores: 4, available: 2 },
  addon: { path: "/addon.node" },
  variants: [
    { name: "zen4", path: "/zen4.so", supported: true, score: 64, chosen: true },
    { name: "haswell", path: "/haswell.so", supported: true, score: 32, chosen: false },
    { name: "sapphirerapids", path: "/spr.so", supported: false, score: 0, chosen: false },
  ],
  devices: [
    { kind: "cpu", name: "Test CPU", usable: true },
    { kind: "cuda", name: "GPU", usable: false, reason: "driver too old", memoryTotal: 8e9, memoryFree: 4e9 },
  ],
  ffmpeg: { path: "/usr/bin/ffmpeg", version: "5.1.6" },
  cache: { directory: "/cache", models: [{ name: "tiny", bytes: 77_000_000 }] },
  defaultModel: { name: "large-v3-turbo-q5_0", available: false },
  diarization: ["nemotron"],
};

function doctor(info: SystemInfo, ...flags: string[]) {
  return runInProcess(["doctor", ...flags], { api: fakeApi(undefined, { getSystemInfo: async () => info }) });
}

describe("doctor", () => {
  it("prints what was found and what was chosen", async () => {
    const { code, stdout } = await doctor(HEALTHY);
    expect(code).toBe(0);
    for (const part of [
      ...["Test CPU, 2 of 4 cores", "/addon.node", "zen4: chosen", "haswell: score 32"],
      ...[
        "sapphirerapids: not for this CPU",
        "cuda: GPU, 4.0 GB of 8.0 GB free: cannot be used, driver too old",
      ],
      ...["5.1.6, /usr/bin/ffmpeg", "/cache", "tiny (77.0 MB)", "large-v3-turbo-q5_0 (not cached"],
      "Everything needed is here.",
    ]) {
      expect(stdout).toContain(part);
    }
  });

  it("says what tells speakers apart, or what would", async () => {
    expect((await doctor(HEALTHY)).stdout).toMatch(/Speakers +nemotron\n/);
    const { code, stdout } = await doctor({ ...HEALTHY, diarization: [] });
    expect(stdout).toContain("nemotron (not cached; downloaded when first used)");
    expect(code).toBe(0);
  });

  it("tells the quota of a container", async () => {
    const { stdout } = await doctor({ ...HEALTHY, cpu: { ...HEALTHY.cpu, available: 1, quota: 1.3333 } });
    expect(stdout).toContain("Test CPU, 1 of 4 cores, a quota grants the time of 1.33");
  });

  it.each<[string, Partial<SystemInfo>, RegExp]>([
    ["the addon", { addon: { error: "no file" }, variants: [], devices: [] }, /^no file$/m],
    ["a CPU variant", { variants: [], devices: [] }, /No CPU variant[\s\S]*npx agora-transcribe build/],
    ["a device", { devices: [] }, /No device can be used/],
    ["FFmpeg", { ffmpeg: { error: "not in PATH: install it" } }, /not in PATH: install it/],
  ])("exits with 1 and says how to fix it when %s is missing", async (_, change, message) => {
    const { code, stdout } = await doctor({ ...HEALTHY, ...change });
    expect(code).toBe(1);
    expect(stdout).toMatch(message);
    expect(problemsOf({ ...HEALTHY, ...change })).toHaveLength(1);
  });

  it("speaks JSON to machines, problems included", async () => {
    const { code, stdout } = await doctor({ ...HEALTHY, ffmpeg: {} }, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      version: "1.2.3",
      problems: [expect.stringContaining("FFmpeg")],
    });
  });
});
