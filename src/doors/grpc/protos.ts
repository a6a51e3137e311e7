import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs";
import { packageFile, packageRequire } from "../../package-files.js";
import { WELL_KNOWN } from "./reflection/well-known.js";

/** In the package's `proto/`. */
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

/** Those that gRPC itself defines, by the package that brings each. */
const OF_GRPC: Readonly<Record<string, readonly [name: string, path: string]>> = {
  "grpc/health/v1/health.proto": ["grpc-health-check", "proto/health/v1/health.proto"],
  "grpc/reflection/v1/reflection.proto": [
    "@grpc/reflection",
    "build/proto/grpc/reflection/v1/reflection.proto",
  ],
  "grpc/reflection/v1alpha/reflection.proto": [
    "@grpc/reflection",
    "build/proto/grpc/reflection/v1alpha/reflection.proto",
  ],
};

/** The proto files of all services, by the names under which others import them. */
export function protoPaths(): Record<string, string> {
  const own = (name: string) => packageFile("proto", name);
  return {
    ...Object.fromEntries(CONTRACTS.map((name) => [name, own(name)])),
    // Packages for the registry have copies beside the contracts; what a clone has installed brings them.
    ...Object.fromEntries(
      Object.entries(OF_GRPC).map(([name, source]) => [
        name,
        existsSync(own(name)) ? own(name) : inPackage(...source),
      ]),
    ),
  };
}

function sources(): Readonly<Record<string, string>> {
  const read = Object.entries(protoPaths()).map(([name, path]) => [name, readFileSync(path, "utf8")]);
  return { ...WELL_KNOWN, ...Object.fromEntries(read) };
}

/** A file of a package whose code is not loaded. */
function inPackage(name: string, path: string): string {
  return join(packageRequire().resolve(`${name}/package.json`), "..", path);
}
