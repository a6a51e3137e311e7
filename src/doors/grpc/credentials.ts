import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";
import { TranscriptionError } from "../../index.js";
import { type ServerSettings, variableOf } from "../../service/settings.js";

interface Pem {
  certificate: Buffer;
  key: Buffer;
  authority: Buffer | undefined;
}

/** TLS whose files can be replaced: connections that are made from then on get the new ones. */
class RenewableCredentials extends ServerCredentials {
  constructor(pem: Pem) {
    super({ requestCert: pem.authority !== undefined }, contextOf(pem));
  }

  renew(pem: Pem): void {
    this.updateSecureContextOptions(contextOf(pem));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

/** How clients are met: in plain text, by TLS, or by TLS that asks them for a certificate, as the settings say. */
export class Credentials {
  private constructor(readonly value: ServerCredentials) {}

  /** @throws TranscriptionError INVALID_ARGUMENT that names the setting whose file cannot be used */
  static async load(settings: ServerSettings): Promise<Credentials> {
    const pem = await readFiles(settings);
    return new Credentials(pem ? new RenewableCredentials(pem) : ServerCredentials.createInsecure());
  }

  /**
   * Reads the files again.
   * @returns puts them into use
   * @throws TranscriptionError as {@link load}, and nothing has changed
   */
  async renewal(settings: ServerSettings): Promise<() => void> {
    const pem = await readFiles(settings);
    return () => {
      if (pem && this.value instanceof RenewableCredentials) this.value.renew(pem);
    };
  }
}

function contextOf({ certificate, key, authority }: Pem): SecureContextOptions {
  return { cert: [certificate], key: [key], ...(authority && { ca: authority }) };
}

async function readFiles(settings: ServerSettings): Promise<Pem | undefined> {
  const certificate = await readPem("tlsCertificate", settings);
  const key = await readPem("tlsKey", settings);
  const authority = await readPem("tlsClientAuthority", settings);
  if (!certificate || !key) return undefined;
  const pem = { certificate, key, authority };
  try {
    // gRPC would look into them with the first connection.
    createSecureContext(contextOf(pem));
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
