import type { Server, ServerDuplexStream, ServiceDefinition } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import type { PackageDefinition } from "@grpc/proto-loader";
import { letGo } from "../messages/message-reader.js";
import type { Descriptors } from "./descriptors.js";

/** Characters of a name that is asked for. */
const LONGEST_NAME = 1000;

/** `grpc.reflection.v1` and `v1alpha`, which are the same but for their names. */
interface Request {
  host: string;
  message_request?: string;
  file_by_filename?: string;
  file_containing_symbol?: string;
  file_containing_extension?: { containing_type: string; extension_number: number };
  all_extension_numbers_of_type?: string;
  list_services?: string;
}
type Rpc = ServerDuplexStream<Request, object>;

/** Adds reflection of `descriptors` to `server`, in both of its versions. */
export function addReflection(
  server: Server,
  definitions: PackageDefinition,
  descriptors: Descriptors,
): void {
  for (const version of ["v1", "v1alpha"]) {
    const service = definitions[`grpc.reflection.${version}.ServerReflection`] as ServiceDefinition;
    server.addService(service, { ServerReflectionInfo: (rpc: Rpc) => void reflect(rpc, descriptors) });
  }
}

/** Answers requests one by one, as fast as they are read. */
async function reflect(rpc: Rpc, descriptors: Descriptors): Promise<void> {
  try {
    // Destroyed, it could not be ended.
    for await (const request of rpc.iterator({ destroyOnReturn: false }) as AsyncIterable<Request>) {
      if (nameIn(request).length > LONGEST_NAME || request.host.length > LONGEST_NAME) {
        const details = `Expected a name of at most ${LONGEST_NAME} characters`;
        rpc.emit("error", { code: status.INVALID_ARGUMENT, details });
        return;
      }
      const response = {
        valid_host: request.host,
        original_request: request,
        ...answer(request, descriptors),
      };
      await new Promise<void>((resolve) => rpc.write(response, () => resolve()));
      letGo(request);
    }
    rpc.end();
  } catch {
    // Its client is gone.
  }
}

function nameIn(request: Request): string {
  const {
    all_extension_numbers_of_type,
    file_by_filename,
    file_containing_extension,
    file_containing_symbol,
  } = request;
  return (
    file_by_filename ??
    file_containing_symbol ??
    file_containing_extension?.containing_type ??
    all_extension_numbers_of_type ??
    ""
  );
}

function answer(request: Request, descriptors: Descriptors): object {
  const name = nameIn(request);
  switch (request.message_request) {
    case "list_services":
      return { list_services_response: { service: descriptors.services.map((name) => ({ name })) } };
    case "file_by_filename":
      return files(descriptors.file(name), `file ${name}`);
    case "file_containing_symbol":
      return files(descriptors.fileOf(name), `symbol ${name}`);
    case "file_containing_extension":
      return error(status.NOT_FOUND, `No extension of ${name}`);
    case "all_extension_numbers_of_type":
      return descriptors.fileOf(name)
        ? { all_extension_numbers_response: { base_type_name: name, extension_number: [] } }
        : error(status.NOT_FOUND, `No type ${name}`);
    default:
      return error(status.INVALID_ARGUMENT, "Expected one of the requests of the service");
  }
}

function files(found: Uint8Array[] | undefined, what: string): object {
  return found
    ? { file_descriptor_response: { file_descriptor_proto: found } }
    : error(status.NOT_FOUND, `No ${what}`);
}

function error(errorCode: number, errorMessage: string): object {
  return { error_response: { error_code: errorCode, error_message: errorMessage } };
}
