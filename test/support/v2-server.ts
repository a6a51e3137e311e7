import { type FakeServer, type FakeServerOptions, startFakeServer } from "./server.js";
import { V2Client } from "./v2-client.js";

/** A server with a fake engine, ready, and a client of its second contract. */
export async function startV2(options?: FakeServerOptions): Promise<FakeServer & { v2: V2Client }> {
  const fake = await startFakeServer(options);
  return { ...fake, v2: new V2Client(fake.server.port) };
}
