import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { WELL_KNOWN } from "./reflection/well-known.js";

/** The contracts, in the package's `proto/`. */
const FOLDER = fileURLToPath(new URL("../../../proto/", import.meta.url));
const CONTRACTS = ["v1/transcription.proto", "v2/transcription.proto"];

/** A proto file by itself: what it imports is not in it. */
export interface ProtoFile {
  /** By which others import it. */
  name: string;
  imports: string[];
  packageName: string;
  root: protobuf.Root;
}

let parsed: readonly ProtoFile[] | undefined;

/** Every proto file that the server knows, parsed once. */
export function protoFiles(): readonly ProtoFile[] {
  parsed ??= Object.entries(sources()).map(([name, source]) => {
    const root = new protobuf.Root();
    const { imports = [], package: packageName = "" } = protobuf.parse(source, root, { keepCase: true });
    return { name, imports, packageName, root };
  });
  return parsed;
}

/** The proto files of all services, by the names under which others import them. */
export function protoPaths(): Record<string, string> {
  const reflection = ["v1", "v1alpha"].map((version) => [
    `grpc/reflection/${version}/reflection.proto`,
    inPackage("@grpc/reflection", `build/proto/grpc/reflection/${version}/reflection.proto`),
  ]);
  return {
    ...Object.fromEntries(CONTRACTS.map((name) => [name, join(FOLDER, name)])),
    "grpc/health/v1/health.proto": inPackage("grpc-health-check", "proto/health/v1/health.proto"),
    ...Object.fromEntries(reflection),
  };
}

function sources(): Readonly<Record<string, string>> {
  const read = Object.entries(protoPaths()).map(([name, path]) => [name, readFileSync(path, "utf8")]);
  return { ...WELL_KNOWN, ...Object.fromEntries(read) };
}

/** A file of a package whose code is not loaded. */
function inPackage(name: string, path: string): string {
  return join(createRequire(import.meta.url).resolve(`${name}/package.json`), "..", path);
}
