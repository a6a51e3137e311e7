import { Server, type ServerCredentials, type ServerInterceptor } from "@grpc/grpc-js";
import { TranscriptionError } from "../../index.js";
import { type ServerSettings, variableOf } from "../../service/settings.js";

const EVERY_ADDRESS = "[::]";
const EVERY_IPV4_ADDRESS = "0.0.0.0";

/** A gRPC server with the limits of `settings` on messages; those on connections are its transport's. */
export function createGrpcServer(settings: ServerSettings, interceptors: ServerInterceptor[]): Server {
  const { maxReceiveMessageLength, maxSendMessageLength } = settings;
  return new Server({
    interceptors,
    "grpc.max_receive_message_length": maxReceiveMessageLength,
    "grpc.max_send_message_length": maxSendMessageLength,
  });
}

/**
 * Starts listening.
 * @returns the port
 * @throws TranscriptionError INVALID_ARGUMENT when the address cannot be used
 */
export async function listen(
  server: Server,
  { host, port }: ServerSettings,
  credentials: ServerCredentials,
): Promise<number> {
  const address = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  try {
    return await bind(server, `${address}:${port}`, credentials).catch((error: Error) => {
      // Where the kernel has no IPv6, every address means every IPv4 address.
      if (address !== EVERY_ADDRESS || !error.message.includes("EAFNOSUPPORT")) throw error;
      return bind(server, `${EVERY_IPV4_ADDRESS}:${port}`, credentials);
    });
  } catch (cause) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      `Cannot listen on ${address}:${port} (${variableOf("host")}, ${variableOf("port")}): ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Stops accepting connections and asks clients to leave. Resolves when they have. */
export function stopListening(server: Server): Promise<void> {
  return new Promise((resolve) => server.tryShutdown(() => resolve()));
}

function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}
