import { createHmac } from "node:crypto";
import { wrongField } from "../../options/read-options.js";
import { entriesOf } from "../../setting-values.js";
import { type ServerSettings, variableOf } from "../../settings.js";

const PREFIX = "whsec_";
/** Of a secret that says nothing else. */
const UNNAMED = "default";
/** Secrets by their names, several for one while it is changed: receivers then know it by one or the other. */
export class WebhookSecrets {
  readonly #secrets = new Map<string, Buffer[]>();

  constructor({ webhookSecrets }: Pick<ServerSettings, "webhookSecrets">) {
    for (const entry of entriesOf(webhookSecrets ?? "")) {
      const at = entry.indexOf(PREFIX);
      const name = at > 0 ? entry.slice(0, at - 1) : UNNAMED;
      const secret = Buffer.from(entry.slice(at + PREFIX.length), "base64");
      this.#secrets.set(name, [...(this.#secrets.get(name) ?? []), secret]);
    }
  }

  /** The secret that a client names, or the first of all. @throws TranscriptionError INVALID_ARGUMENT */
  require(name: string | undefined): string {
    const [first] = this.#secrets.keys();
    if (first === undefined)
      throw wrongField(
        "webhook_url",
        `no webhook: the server has no secret (${variableOf("webhookSecrets")})`,
        "one",
      );
    if (name === undefined) return first;
    if (this.#secrets.has(name)) return name;
    throw wrongField("webhook_secret_id", `one of ${[...this.#secrets.keys()].join(", ")}`, name);
  }

  /**
   * Headers of a webhook by the scheme of Standard Webhooks (https://www.standardwebhooks.com): who has the secret knows by
   * them that it is from here, whole and new.
   * @param id the same each time that it is sent
   * @param at milliseconds since 1970, when it is sent
   * @returns undefined where there is no such secret any more
   */
  headers(name: string, id: string, at: number, body: string): Record<string, string> | undefined {
    const secrets = this.#secrets.get(name);
    if (!secrets) return undefined;
    const timestamp = String(Math.floor(at / 1000));
    const signed = `${id}.${timestamp}.${body}`;
    const signatures = secrets.map(
      (secret) => `v1,${createHmac("sha256", secret).update(signed).digest("base64")}`,
    );
    return {
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": signatures.join(" "),
    };
  }
}
