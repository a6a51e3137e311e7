import { execFile, spawnSync } from "node:child_process";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import descriptor from "protobufjs/ext/descriptor/index.js";
import { describe, expect, it } from "vitest";
import { V1_SERVICE, V2_SERVICE } from "../../src/doors/grpc/definitions.js";
import { protoFiles, protoPaths } from "../../src/doors/grpc/protos.js";
import { Descriptors } from "../../src/doors/grpc/reflection/descriptors.js";
import { WELL_KNOWN } from "../../src/doors/grpc/reflection/well-known.js";
import { startFakeServer } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const run = promisify(execFile);
const PYTHON = "/usr/bin/python3";
const support = (name: string) => fileURLToPath(new URL(`../support/${name}`, import.meta.url));
const hasClient = spawnSync(PYTHON, ["-c", "import grpc, grpc_tools"]).status === 0;
const GRPCURL = fileURLToPath(new URL("../../build/tools/grpcurl", import.meta.url));
const hasGrpcurl = spawnSync(GRPCURL, ["-version"]).status === 0;

const SERVICES = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
  V1_SERVICE,
  V2_SERVICE,
].sort();

/** A folder with all proto files by the names under which others import them. */
async function protoFolder(): Promise<string> {
  const folder = await temporaryFolder();
  const place = async (name: string) => {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    return path;
  };
  for (const [name, path] of Object.entries(protoPaths())) await copyFile(path, await place(name));
  for (const [name, source] of Object.entries(WELL_KNOWN)) await writeFile(await place(name), source);
  return folder;
}

describe("descriptors", () => {
  it("come with everything that they depend on", () => {
    const files = new Descriptors(protoFiles()).fileOf(`${V2_SERVICE}.GetServerInfo`)!;
    const names = files.map(
      (bytes) => (descriptor.FileDescriptorProto.decode(bytes) as { name?: string }).name,
    );
    expect(names).toEqual(["v2/transcription.proto", "google/protobuf/wrappers.proto"]);
  });

  it("are found by every kind of symbol", () => {
    const descriptors = new Descriptors(protoFiles());
    const symbols = [
      V1_SERVICE,
      "transcription.v2.ServerInfo.settings",
      "transcription.v2.Task",
      "transcription.v2.TASK_TRANSLATE",
      "grpc.health.v1.HealthCheckResponse.ServingStatus",
      "google.rpc.BadRequest.FieldViolation",
    ];
    for (const symbol of symbols)
      expect([symbol, descriptors.fileOf(symbol)?.length]).not.toContain(undefined);
    expect(descriptors.fileOf("transcription.v2.No")).toBeUndefined();
  });

  it.skipIf(!hasClient)("are those that protoc makes (needs python3-grpc-tools)", async () => {
    const folder = await protoFolder();
    const names = [...Object.keys(WELL_KNOWN), ...Object.keys(protoPaths())];
    const { stdout } = await run(PYTHON, [support("compiled_descriptors.py"), folder, ...names]);
    const compiled = JSON.parse(stdout) as Record<string, string>;
    const descriptors = new Descriptors(protoFiles());
    expect(Object.keys(compiled).sort()).toEqual([...names].sort());
    for (const name of names) {
      const theirs = descriptor.FileDescriptorProto.decode(Buffer.from(compiled[name]!, "base64"));
      const [ours] = descriptors.file(name)!;
      expect(descriptor.FileDescriptorProto.decode(ours!).toJSON()).toEqual(theirs.toJSON());
      expect(Buffer.from(ours!).toString("base64")).toBe(compiled[name]);
    }
  });
});

it.skipIf(!hasClient)(
  "a Python client resolves and calls by reflection (needs python3-grpc-tools)",
  async () => {
    const { server } = await startFakeServer();
    const args = [String(server.port), await temporaryFolder(), await protoFolder()];
    const { stdout } = await run(PYTHON, [support("reflection_client.py"), ...args]);
    const answer = JSON.parse(stdout);
    expect(Object.keys(answer.methods).sort()).toEqual(SERVICES);
    expect(answer.methods[V1_SERVICE]).toEqual(["TranscribeAudio", "TranscribeAudioStream"]);
    expect(answer.settings.SERVER_MAX_QUEUE).toBe("1000");
    expect(answer.files).toContain("google/rpc/error_details.proto");
    expect(answer.details).toEqual({ a: "b" });
    expect(answer.missing).toBe(5);
  },
);

describe.skipIf(!hasGrpcurl)(
  "grpcurl (needs build/tools/grpcurl, which scripts/install-go-tools.sh puts there)",
  () => {
    const grpcurl = async (port: number, ...args: string[]) => {
      const flags = args.filter((arg) => arg.startsWith("-"));
      const rest = args.filter((arg) => !arg.startsWith("-"));
      return (await run(GRPCURL, ["-plaintext", ...flags, `localhost:${port}`, ...rest])).stdout;
    };

    it("lists, describes and calls every service", async () => {
      const { server } = await startFakeServer();
      expect((await grpcurl(server.port, "list")).trim().split("\n").sort()).toEqual(SERVICES);
      for (const service of SERVICES)
        expect(await grpcurl(server.port, "describe", service)).toContain("rpc ");
      expect(await grpcurl(server.port, "describe", "transcription.v2.ServerInfo")).toContain(
        "map<string, string> settings",
      );
      expect(await grpcurl(server.port, "describe", "google.rpc.RetryInfo")).toContain("retry_delay");
      expect(await grpcurl(server.port, "grpc.health.v1.Health/Check")).toContain("SERVING");
      expect(await grpcurl(server.port, `${V2_SERVICE}/GetServerInfo`)).toContain(
        '"SERVER_MAX_QUEUE": "1000"',
      );
    });

    it("shows the details of errors", async () => {
      const { server } = await startFakeServer();
      const failed = await run(GRPCURL, [
        "-plaintext",
        "-d",
        '{"config":{"options":{"beam_size":99}},"audio":"AAAA"}',
        `localhost:${server.port}`,
        `${V2_SERVICE}/Transcribe`,
      ]).catch((error: { stderr: string }) => error);
      expect(failed.stderr).toContain("google.rpc.BadRequest");
      expect(failed.stderr).toContain("config.options.beam_size");
    });
  },
);
