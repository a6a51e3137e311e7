import type { Server } from "node:net";
import { TranscriptionError } from "../index.js";
import { type ServerSettings, variableOf } from "./settings.js";

/**
 * Has a server listen.
 * @param keys of the settings that say where, for messages
 * @throws TranscriptionError INVALID_ARGUMENT when the address cannot be used
 */
export async function listen(
  server: Server,
  { host, port }: { host: string; port: number },
  keys: readonly (keyof ServerSettings)[],
): Promise<void> {
  const bare = host.replace(/^\[|\]$/g, "");
  const attempt = (address: string) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, address, () => {
        server.off("error", reject);
        resolve();
      });
    });
  try {
    await attempt(bare).catch((error: NodeJS.ErrnoException) => {
      // Where the kernel has no IPv6, every address means every IPv4 address.
      if (bare !== "::" || error.code !== "EAFNOSUPPORT") throw error;
      return attempt("0.0.0.0");
    });
  } catch (cause) {
    const message = `Cannot listen on ${host}:${port} (${keys.map(variableOf).join(", ")}): ${(cause as Error).message}`;
    throw new TranscriptionError("INVALID_ARGUMENT", message, { cause });
  }
}
