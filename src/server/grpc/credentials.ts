import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";
import { TranscriptionError } from "../../index.js";
import { type ServerSettings, variableOf } from "../settings.js";

/**
 * Plain text, TLS, or TLS that asks clients for a certificate, as the settings say.
 * @throws TranscriptionError INVALID_ARGUMENT that names the setting whose file cannot be used
 */
export async function loadCredentials(settings: ServerSettings): Promise<ServerCredentials> {
  const certificate = await readPem("tlsCertificate", settings);
  const key = await readPem("tlsKey", settings);
  const authority = await readPem("tlsClientAuthority", settings);
  if (!certificate || !key) return ServerCredentials.createInsecure();
  try {
    // gRPC would look into them with the first connection.
    createSecureContext({ cert: certificate, key, ca: authority });
  } catch (cause) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      `Cannot use ${variableOf("tlsCertificate")} with ${variableOf("tlsKey")}: ${(cause as Error).message}`,
      { cause },
    );
  }
  const pair = { cert_chain: certificate, private_key: key };
  return ServerCredentials.createSsl(authority ?? null, [pair], authority !== undefined);
}

type PemSetting = "tlsCertificate" | "tlsKey" | "tlsClientAuthority";

async function readPem(key: PemSetting, settings: ServerSettings): Promise<Buffer | undefined> {
  const path = settings[key];
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      `Cannot read ${variableOf(key)}: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}
