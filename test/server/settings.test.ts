import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { describe, expect, it } from "vitest";
import { implementationNames } from "../../src/index.js";
import { loadDotenv } from "../../src/service/dotenv.js";
import { readSettings } from "../../src/service/read-settings.js";
import { publicSettings } from "../../src/service/told-settings.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const EXAMPLE = readFileSync(new URL("../../.env.example", import.meta.url), "utf8");
const example = parseEnv(EXAMPLE);
const TOKEN = "correct-horse-battery";

function problemsOf(variables: Record<string, string>, flags = {}): string[] {
  try {
    readSettings(variables, flags);
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    expect(code).toBe("INVALID_ARGUMENT");
    return message.split("\n  ");
  }
  return [];
}

describe("settings", () => {
  it("have the contract's defaults", () => {
    expect(readSettings({})).toMatchObject({
      host: "[::]",
      port: 50051,
      maxWorkers: 10,
      maxSendMessageLength: 209715200,
      maxReceiveMessageLength: 209715200,
      device: "auto",
      batchSize: 32,
      chunkDuration: 30,
      loggingLevel: "INFO",
    });
  });

  it("are all in .env.example, with their defaults", () => {
    expect(readSettings(example)).toEqual(readSettings({}));
    const settings = readSettings({}, {});
    // What protects the server is only shown: it must not be set to nothing.
    const shown = Object.keys(parseEnv(EXAMPLE.replace(/^# ([A-Z_]+=)/gm, "$1")));
    expect(shown).toHaveLength(Object.keys(settings).length);
    expect(new Set(shown).size).toBe(shown.length);
  });

  it("show metrics and probes, which ask for no token, to this machine alone", () => {
    expect(readSettings({ SERVER_HTTP_PORT: "9464" })).toMatchObject({ metricsHost: "127.0.0.1" });
  });

  it("come from flags before variables", () => {
    const settings = readSettings({ SERVER_PORT: "1", MODEL_NAME: "tiny" }, { port: "2" });
    expect(settings).toMatchObject({ port: 2, model: "tiny" });
  });

  it("name a VAD model, or none", () => {
    expect(readSettings({ MODEL_VAD: "models/vad.bin" }).vadModel).toBe("models/vad.bin");
    expect(readSettings({ MODEL_VAD: "Off" }).vadModel).toBeNull();
    expect(publicSettings(readSettings({ MODEL_VAD: "off" })).MODEL_VAD).toBe("off");
  });

  it("take an empty variable for one that is not set", () => {
    expect(readSettings({ SERVER_PORT: "", MODEL_NAME: " " })).toEqual(readSettings({}));
  });

  it.each([
    "SERVER_API_TOKEN",
    "SERVER_API_TOKEN_FILE",
    "SERVER_API_TOKEN_NEXT",
    "SERVER_TLS_CERT",
    "SERVER_TLS_KEY",
    "SERVER_TLS_CLIENT_CA",
    "TWILIO_AUTH_TOKEN",
  ])("do not take an empty %s for one that is not set", (variable) => {
    const [, problem] = problemsOf({ [variable]: " " });
    expect(problem).toMatch(new RegExp(`^${variable}: .* nothing: it is empty; leave it out to go without$`));
  });

  it("may demand a token", () => {
    expect(problemsOf({ SERVER_REQUIRE_TOKEN: "yes" })[1]).toMatch(/^SERVER_API_TOKEN: expected a token/);
    expect(problemsOf({ SERVER_REQUIRE_TOKEN: "perhaps" })[1]).toMatch(
      /^SERVER_REQUIRE_TOKEN: expected true or false but received "perhaps"$/,
    );
    expect(readSettings({ SERVER_REQUIRE_TOKEN: "true", SERVER_API_TOKEN: TOKEN }).apiToken).toBe(TOKEN);
    const file = { SERVER_REQUIRE_TOKEN: "1", SERVER_API_TOKEN_FILE: "/token" };
    expect(readSettings(file).requireToken).toBe(true);
  });

  it("have a token once, and a second one beside a first only", () => {
    const twice = { SERVER_API_TOKEN: TOKEN, SERVER_API_TOKEN_FILE: "/token" };
    expect(problemsOf(twice)[1]).toMatch(/^SERVER_API_TOKEN_FILE: expected no file/);
    expect(problemsOf({ SERVER_API_TOKEN_NEXT: TOKEN })[1]).toMatch(/^SERVER_API_TOKEN_NEXT: needs/);
  });

  it("take 0 for no limit where there may be none", () => {
    expect(readSettings({ SERVER_IDLE_TIMEOUT: "0", SERVER_KEEPALIVE_TIME: "0" })).toMatchObject({
      idleTimeout: Number.POSITIVE_INFINITY,
      keepaliveTime: Number.POSITIVE_INFINITY,
    });
  });

  it("take choices in any case", () => {
    expect(readSettings({ LOGGING_LEVEL: "debug", MODEL_DEVICE: "CPU" })).toMatchObject({
      loggingLevel: "DEBUG",
      device: "cpu",
    });
  });

  it("say what to compute in, and what writes ahead", () => {
    const settings = readSettings({ MODEL_COMPUTE_TYPE: "BF16", MODEL_DRAFT: "tiny" });
    expect(settings).toMatchObject({ computeType: "bf16", draftModel: "tiny" });
    expect(problemsOf({ MODEL_COMPUTE_TYPE: "int4" })[1]).toMatch(
      /^MODEL_COMPUTE_TYPE: expected auto, float32/,
    );
  });

  it("name everything that is wrong with them at once", () => {
    const wrong = {
      SERVER_PORT: "65536",
      SERVER_MAX_WORKERS: "ten",
      MODEL_DEVICE: "gpu",
      MODEL_CHUNK_DURATION: "60",
      GRPC_MAX_RECEIVE_MESSAGE_LENGTH: "-1",
      SERVER_IDLE_TIMEOUT: "1e3",
      LOGGING_LEVEL: "TRACE",
      SERVER_API_TOKEN: "short secret",
      SERVER_TLS_CERT: "cert.pem",
    };
    expect(problemsOf(wrong, { implementation: "klingon" })).toEqual([
      "10 wrong settings:",
      'SERVER_PORT: expected an integer from 0 to 65535 but received "65536"',
      `--implementation: expected one of ${implementationNames().join(", ")} but received "klingon"`,
      'MODEL_DEVICE: expected auto, cpu or cuda but received "gpu"',
      'MODEL_CHUNK_DURATION: expected a number from 1 to 30 but received "60"',
      'SERVER_MAX_WORKERS: expected an integer from 1 to 1024 but received "ten"',
      'GRPC_MAX_RECEIVE_MESSAGE_LENGTH: expected an integer from 1 to 2147483647 but received "-1"',
      'SERVER_IDLE_TIMEOUT: expected a number from 0.001 to 86400, or 0 for none but received "1e3"',
      "SERVER_API_TOKEN: expected at least 16 printable ASCII characters without blanks but received 12 characters",
      'LOGGING_LEVEL: expected DEBUG, INFO, WARNING or ERROR but received "TRACE"',
      "SERVER_TLS_KEY: expected the path of a PEM file, since SERVER_TLS_CERT is set",
    ]);
  });

  it.each([
    ["SERVER_PORT", "0x50"],
    ["SERVER_PORT", "80.5"],
    ["SERVER_PORT", "tcp://10.0.0.1:50051"],
    ["SERVER_HOST", "localhost:50051"],
    ["SERVER_HOST", "a b"],
    ["MODEL_LANGUAGE", "klingon"],
    ["SERVER_MAX_WORKERS", "0"],
    ["SERVER_MAX_WORKERS", "99999999999999999999"],
    ["SERVER_SHUTDOWN_GRACE", "NaN"],
    ["SERVER_SHUTDOWN_GRACE", "Infinity"],
    ["SERVER_SHUTDOWN_GRACE", "-1"],
    ["SERVER_TLS_CLIENT_CA", "ca.pem"],
  ])("do not take %s=%s", (variable, value) => {
    const problems = problemsOf({ [variable]: value });
    expect(problems[0]).toBe("Wrong setting:");
    expect(problems[1]).toMatch(new RegExp(`^${variable}: `));
  });

  it.each(["[::]", "::1", "[::1]", "0.0.0.0", "localhost", "speech.example.org"])(
    "take %s for a host",
    (host) => {
      expect(readSettings({ SERVER_HOST: host }).host).toBe(host);
    },
  );
});

describe(".env", () => {
  it("adds what the environment does not have", async () => {
    const path = join(await temporaryFolder(), ".env");
    await writeFile(path, '\uFEFFSERVER_PORT=1\n# note\nexport MODEL_NAME="a b" # why\nSERVER_HOST=::1\n');
    const environment = { SERVER_PORT: "2" };
    loadDotenv(path, environment);
    expect(environment).toEqual({ SERVER_PORT: "2", MODEL_NAME: "a b", SERVER_HOST: "::1" });
  });

  it("need not be there", async () => {
    const environment = {};
    loadDotenv(join(await temporaryFolder(), ".env"), environment);
    expect(environment).toEqual({});
  });

  it("is an error when it cannot be read", async () => {
    const folder = await temporaryFolder();
    expect(() => loadDotenv(folder)).toThrow(`Cannot read ${folder}: EISDIR`);
  });
});
