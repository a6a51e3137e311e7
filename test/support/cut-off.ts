import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A way to a server that can be cut off, as when a client is killed, or on which everything can come to a halt. */
export async function startProxy(
  target: number,
): Promise<{ port: number; cut: () => void; freeze: () => void }> {
  const sockets: Socket[] = [];
  const proxy = createServer((inbound) => {
    const outbound = connect(target, "localhost");
    sockets.push(inbound, outbound);
    for (const socket of [inbound, outbound]) socket.on("error", () => {});
    inbound.pipe(outbound).pipe(inbound);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "localhost", resolve));
  const cut = () => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  };
  const freeze = () => {
    for (const socket of sockets) socket.unpipe().pause();
  };
  onTestFinished(cut);
  return { port: (proxy.address() as AddressInfo).port, cut, freeze };
}
