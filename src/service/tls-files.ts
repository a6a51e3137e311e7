import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { TranscriptionError } from "../index.js";
import { type ServerSettings, variableOf } from "./settings.js";

/** What TLS needs, as it stands in the files that the settings name. */
export interface Pem {
  certificate: Buffer;
  key: Buffer;
  /** Those whose client certificates are accepted; undefined: clients are asked for none. */
  authority: Buffer | undefined;
}

/** The same for Node's own servers. */
export function secureContextOf({ certificate, key, authority }: Pem): SecureContextOptions {
  return { cert: [certificate], key: [key], ...(authority && { ca: authority }) };
}

/**
 * Reads the files of TLS; undefined where none are set.
 * @throws TranscriptionError INVALID_ARGUMENT that names the setting whose file cannot be used
 */
export async function loadPem(settings: ServerSettings): Promise<Pem | undefined> {
  const certificate = await readPem("tlsCertificate", settings);
  const key = await readPem("tlsKey", settings);
  const authority = await readPem("tlsClientAuthority", settings);
  if (!certificate || !key) return undefined;
  const pem = { certificate, key, authority };
  try {
    // Servers would look into them with the first connection.
    createSecureContext(secureContextOf(pem));
  } catch (cause) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      `Cannot use ${variableOf("tlsCertificate")} with ${variableOf("tlsKey")}: ${(cause as Error).message}`,
      { cause },
    );
  }
  return pem;
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
