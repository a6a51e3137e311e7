import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ffmpegArguments } from "../../src/audio/ffmpeg-arguments.js";
import { readSettings } from "../../src/service/read-settings.js";
import { toolOf } from "../support/deploy-tools.js";
import { hasYaml, type Manifest, parseYaml } from "../support/yaml.js";

const url = (name: string) => new URL(`../../${name}`, import.meta.url);
const file = (name: string): string => readFileSync(url(name), "utf8");
const hadolint = toolOf("hadolint");
const TOKEN = { SERVER_API_TOKEN: "correct-horse-battery" };

describe("deploy/Dockerfile", () => {
  const text = file("deploy/Dockerfile").replace(/\\\n/g, " ");
  const instructions = text.split("\n").filter((line) => /^[A-Z]+ /.test(line));
  const last = instructions.slice(instructions.findLastIndex((line) => line.startsWith("FROM ")));

  it("gets from the build's folder what is there, and .dockerignore lets nothing else in", () => {
    const copied = instructions
      .filter((line) => /^COPY (?!--from)/.test(line))
      .map((line) => line.split(/\s+/)[1]!);
    const [all, ...allowed] = file("deploy/Dockerfile.dockerignore").split("\n").filter(Boolean);
    expect(all).toBe("*");
    expect(allowed).toEqual(expect.arrayContaining(copied.map((source) => `!${source}`)));
    for (const source of copied.filter((name) => !name.startsWith("build/")))
      expect(existsSync(url(source)), source).toBe(true);
    expect(instructions.filter((line) => line.startsWith("ADD "))).toEqual([]);
  });

  it("installs packages without running their scripts, and ends without what builds", () => {
    expect(text).toMatch(/npm install .*--ignore-scripts/);
    expect(last.join("\n")).not.toMatch(/\b(g\+\+|gcc|make|cmake|-dev)\b/);
  });

  it("runs as another user than root, with the model in a volume, and the program that the package has", () => {
    const at = (name: string) => last.findIndex((line) => line.startsWith(`${name} `));
    expect(last[at("USER")]).toBe("USER 1000");
    expect(at("USER")).toBeLessThan(at("ENTRYPOINT"));
    const [, program] = JSON.parse(last[at("ENTRYPOINT")]!.replace("ENTRYPOINT ", ""));
    const { name, bin } = JSON.parse(file("package.json"));
    expect(program).toBe(`/app/node_modules/${name}/${bin[name]}`);
    expect(last[at("VOLUME")]).toBe("VOLUME /models");
    expect(text).toContain("AGORA_CACHE_DIR=/models");
  });

  it("sets what the server can be set to, and shows its ports", () => {
    const [, variables] = /^ENV (NODE_ENV.*)$/m.exec(text)!;
    const environment = Object.fromEntries(
      variables!
        .trim()
        .split(/\s+/)
        .map((pair) => pair.split("=")),
    );
    const { port, httpPort, metricsPort, metricsHost } = readSettings(environment);
    expect(/^EXPOSE (.*)$/m.exec(text)![1]).toBe(`${port} ${httpPort} ${metricsPort}`);
    expect(metricsHost).toBe("[::]");
  });

  it.skipIf(hadolint === undefined)("passes hadolint (needs hadolint)", () => {
    const { stdout, stderr } = spawnSync(hadolint!, [url("deploy/Dockerfile").pathname], {
      encoding: "utf8",
    });
    expect(stdout + stderr).toBe("");
  });
});

describe("deploy/ffmpeg.sh", () => {
  /** What configure calls decoders that have another name in the program. */
  const CONFIGURED: Record<string, string> = {
    g722: "adpcm_g722",
    g726: "adpcm_g726",
    g726le: "adpcm_g726le",
    real_144: "ra_144",
    real_288: "ra_288",
    atrac3plus: "atrac3p",
    atrac3plusal: "atrac3pal",
    "acelp.kelvin": "acelp_kelvin",
    "8svx_exp": "eightsvx_exp",
    "8svx_fib": "eightsvx_fib",
  };

  it("builds every decoder that may run, but those of other libraries", () => {
    const args = ffmpegArguments(
      { path: "ffmpeg", version: "5.1", soxr: true },
      { demuxer: "wav" } as never,
      0,
    );
    const wanted = args[args.indexOf("-codec_whitelist") + 1]!.split(",").filter(
      (name) => !name.startsWith("lib"),
    );
    const [, list] = /decoders=\(([^)]*)\)/.exec(file("deploy/ffmpeg.sh"))!;
    const built = [...list!.matchAll(/'([^']+)'/g)].map(
      ([, name]) => new RegExp(`^${name!.replace("*", ".*")}$`),
    );
    const missing = wanted.filter((name) => !built.some((pattern) => pattern.test(CONFIGURED[name] ?? name)));
    expect(wanted.length).toBeGreaterThan(100);
    expect(missing).toEqual([]);
  });

  it("builds what else the command line names", () => {
    for (const part of [
      "muxer=matroska",
      "encoder=pcm_f32le",
      "filter=aresample",
      "protocol=file,pipe",
      "libsoxr",
    ])
      expect(file("deploy/ffmpeg.sh")).toContain(`--enable-${part}`);
  });
});

describe.skipIf(!hasYaml)("deploy/compose.yaml (needs python3-yaml)", () => {
  const [{ services, secrets }] = hasYaml ? parseYaml(file("deploy/compose.yaml")) : [{}];
  const service: Manifest = services?.["agora-transcribe"];
  const settings = () => {
    const { SERVER_API_TOKEN_FILE: _, ...environment } = service.environment;
    return readSettings({ ...environment, ...TOKEN });
  };

  it("sets what the server can be set to, and does not start without a token", () => {
    const variables = [...file(".env.example").matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(([, name]) => name);
    for (const name of Object.keys(service.environment)) expect(variables).toContain(name);
    expect(settings()).toMatchObject({ requireToken: true, httpHost: "[::]" });
    expect(service.environment.SERVER_API_TOKEN_FILE).toBe(`/run/secrets/${Object.keys(secrets)[0]}`);
  });

  it("builds the image of this version", () => {
    const { version } = JSON.parse(file("package.json"));
    expect(service.image).toBe(`agora-transcribe:${version}`);
    expect(service.build).toEqual({ context: "..", dockerfile: "deploy/Dockerfile" });
  });

  it("writes only to the model's volume and to memory, which holds all uploads", () => {
    expect(service).toMatchObject({ read_only: true, volumes: ["models:/models"], cap_drop: ["ALL"] });
    const [, gigabytes] = /^\/tmp:size=(\d+)g/.exec(service.tmpfs[0])!;
    expect(settings().maxDiskBytes).toBeLessThan(0.9 * Number(gigabytes) * 1024 ** 3);
  });

  it("shows metrics to this machine alone, and waits for longer than the server does", () => {
    expect(service.ports).toContain("127.0.0.1:9464:9464");
    const [, patience] = /^(\d+)s$/.exec(service.stop_grace_period)!;
    expect(Number(patience)).toBeGreaterThan(settings().shutdownGrace);
  });
});
