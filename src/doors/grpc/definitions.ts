import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync, type Options, type PackageDefinition } from "@grpc/proto-loader";
import { protoPath as healthProto } from "grpc-health-check";
import { Descriptors, readSources } from "./reflection/descriptors.js";
import { WELL_KNOWN } from "./reflection/well-known.js";

/** The contracts, in the package's `proto/`. */
const FOLDER = fileURLToPath(new URL("../../../proto/", import.meta.url));

export const V1_SERVICE = "transcription.v1.TranscriptionService";
export const V2_SERVICE = "transcription.v2.TranscriptionService";

const CONTRACTS = ["v1/transcription.proto", "v2/transcription.proto"];
const REFLECTION_VERSIONS = ["v1", "v1alpha"];

/** Everything that the server's proto files define, by full name. */
export function loadDefinitions(): PackageDefinition {
  return load([...CONTRACTS, healthProto], true);
}

/** The services of reflection; fields in lower camel case. */
export function loadReflection(): PackageDefinition {
  return load(REFLECTION_VERSIONS.map(reflectionProto), false);
}

/** Descriptors of all that the server serves, and of the details of its statuses. */
export function loadDescriptors(): Descriptors {
  return new Descriptors({
    ...WELL_KNOWN,
    ...readSources(protoPaths()),
  });
}

/** The proto files of all services, by the names under which others import them. */
export function protoPaths(): Record<string, string> {
  const reflection = REFLECTION_VERSIONS.map((version) => [
    `grpc/reflection/${version}/reflection.proto`,
    reflectionProto(version),
  ]);
  return {
    ...Object.fromEntries(CONTRACTS.map((name) => [name, join(FOLDER, name)])),
    "grpc/health/v1/health.proto": healthProto,
    ...Object.fromEntries(reflection),
  };
}

/** A service of `definitions`. */
export function serviceIn(definitions: PackageDefinition, name: string): ServiceDefinition {
  return definitions[name] as ServiceDefinition;
}

function load(files: string[], keepCase: boolean): PackageDefinition {
  const options: Options = { defaults: true, oneofs: true, longs: Number, enums: String };
  return loadSync(files, { includeDirs: [FOLDER], keepCase, ...options });
}

function reflectionProto(version: string): string {
  const folder = join(createRequire(import.meta.url).resolve("@grpc/reflection/package.json"), "..");
  return join(folder, "build", "proto", "grpc", "reflection", version, "reflection.proto");
}
