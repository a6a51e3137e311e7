import { ServerCredentials } from "@grpc/grpc-js";
import type { ServerSettings } from "../../service/settings.js";
import { loadPem, type Pem, secureContextOf } from "../../service/tls-files.js";

/** TLS whose files can be replaced: connections that are made from then on get the new ones. */
class RenewableCredentials extends ServerCredentials {
  constructor(pem: Pem) {
    super({ requestCert: pem.authority !== undefined }, secureContextOf(pem));
  }

  renew(pem: Pem): void {
    this.updateSecureContextOptions(secureContextOf(pem));
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
    const pem = await loadPem(settings);
    return new Credentials(pem ? new RenewableCredentials(pem) : ServerCredentials.createInsecure());
  }

  /**
   * Reads the files again.
   * @returns puts them into use
   * @throws TranscriptionError as {@link load}, and nothing has changed
   */
  async renewal(settings: ServerSettings): Promise<() => void> {
    const pem = await loadPem(settings);
    return () => {
      if (pem && this.value instanceof RenewableCredentials) this.value.renew(pem);
    };
  }
}
