import type { Duplex } from "node:stream";

/** Milliseconds in which who is refused gets to read why, and to go. */
const PATIENCE = 2000;

/** Tells who is not let in the last that he hears; soon after the connection is gone, whether he closes his own side or not. */
export function refuseSocket(socket: Duplex, last: Uint8Array | string): void {
  socket.on("error", () => {});
  socket.end(last);
  // What he still sends is thrown away.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), PATIENCE).unref();
  socket.once("close", () => clearTimeout(timer));
}
