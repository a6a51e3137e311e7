import { fileURLToPath } from "node:url";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { protoPath as healthProto } from "grpc-health-check";

/** The contracts, in the package's `proto/`. */
const FOLDER = fileURLToPath(new URL("../../../proto/", import.meta.url));

export const V1_SERVICE = "transcription.v1.TranscriptionService";
export const V2_SERVICE = "transcription.v2.TranscriptionService";

/** Everything that the server's proto files define, by full name. */
export function loadDefinitions(): PackageDefinition {
  const files = ["v1/transcription.proto", "v2/transcription.proto", healthProto];
  return loadSync(files, {
    includeDirs: [FOLDER],
    keepCase: true,
    defaults: true,
    oneofs: true,
    longs: Number,
    enums: String,
  });
}

/** A service of `definitions`. */
export function serviceIn(definitions: PackageDefinition, name: string): ServiceDefinition {
  return definitions[name] as ServiceDefinition;
}
