import type { Server, ServerDuplexStream, ServiceDefinition } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import type { PackageDefinition } from "@grpc/proto-loader";
import type { Descriptors } from "./descriptors.js";

/** Characters of a name that is asked for. */
const LONGEST_NAME = 1000;

/** `grpc.reflection.v1` and `v1alpha`, which are the same but for their names; fields in lower camel case. */
interface Request {
  host: string;
  messageRequest?: string;
  fileByFilename?: string;
  fileContainingSymbol?: string;
  fileContainingExtension?: { containingType: string; extensionNumber: number };
  allExtensionNumbersOfType?: string;
  listServices?: string;
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
        validHost: request.host,
        originalRequest: request,
        ...answer(request, descriptors),
      };
      await new Promise<void>((resolve) => rpc.write(response, () => resolve()));
    }
    rpc.end();
  } catch {
    // Its client is gone.
  }
}

function nameIn(request: Request): string {
  const { allExtensionNumbersOfType, fileByFilename, fileContainingExtension, fileContainingSymbol } =
    request;
  return (
    fileByFilename ??
    fileContainingSymbol ??
    fileContainingExtension?.containingType ??
    allExtensionNumbersOfType ??
    ""
  );
}

function answer(request: Request, descriptors: Descriptors): object {
  const name = nameIn(request);
  switch (request.messageRequest) {
    case "listServices":
      return { listServicesResponse: { service: descriptors.services.map((name) => ({ name })) } };
    case "fileByFilename":
      return files(descriptors.file(name), `file ${name}`);
    case "fileContainingSymbol":
      return files(descriptors.fileOf(name), `symbol ${name}`);
    case "fileContainingExtension":
      return error(status.NOT_FOUND, `No extension of ${name}`);
    case "allExtensionNumbersOfType":
      return descriptors.fileOf(name)
        ? { allExtensionNumbersResponse: { baseTypeName: name, extensionNumber: [] } }
        : error(status.NOT_FOUND, `No type ${name}`);
    default:
      return error(status.INVALID_ARGUMENT, "Expected one of the requests of the service");
  }
}

function files(found: Uint8Array[] | undefined, what: string): object {
  return found
    ? { fileDescriptorResponse: { fileDescriptorProto: found } }
    : error(status.NOT_FOUND, `No ${what}`);
}

function error(errorCode: number, errorMessage: string): object {
  return { errorResponse: { errorCode, errorMessage } };
}
