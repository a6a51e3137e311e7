import type { ServiceDefinition } from "@grpc/grpc-js";
import { fromJSON, type PackageDefinition } from "@grpc/proto-loader";
import protobuf from "protobufjs";
import { protoFiles } from "./protos.js";

export const V1_SERVICE = "transcription.v1.TranscriptionService";
export const V2_SERVICE = "transcription.v2.TranscriptionService";
export const HEALTH_SERVICE = "grpc.health.v1.Health";

let definitions: PackageDefinition | undefined;

/** Everything that the server's proto files define, by full name; fields by the names that they have there. */
export function loadDefinitions(): PackageDefinition {
  if (!definitions) {
    const all = new protobuf.Root();
    // Clones: options of namespaces are merged into those that come first.
    for (const { root } of protoFiles()) all.addJSON(structuredClone(root.toJSON().nested ?? {}));
    const json = all.toJSON() as Parameters<typeof fromJSON>[0];
    definitions = fromJSON(json, { defaults: true, oneofs: true, longs: Number, enums: String });
  }
  return definitions;
}

/** A service of `definitions`. */
export function serviceIn(definitions: PackageDefinition, name: string): ServiceDefinition {
  return definitions[name] as ServiceDefinition;
}

/** What fields of a message are, by their numbers, as descriptors call it: `TYPE_BYTES`. */
export type FieldTypes = ReadonlyMap<number, string>;

/** The fields of requests that bring a recording, which is the one of bytes, by path of the method. */
export function recordingFields(service: ServiceDefinition): Map<string, FieldTypes> {
  const fields = Object.values(service).flatMap((method) => {
    const { requestType } = method as unknown as { requestType: { type: { field: DescribedField[] } } };
    const types = requestType.type.field.map(({ number, type }) => [number, type] as const);
    return types.some(([, type]) => type === "TYPE_BYTES") ? [[method.path, new Map(types)] as const] : [];
  });
  return new Map(fields);
}

interface DescribedField {
  number: number;
  type: string;
}
