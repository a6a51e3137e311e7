import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { REQUEST_ID, requestIdFrom } from "../../service/request-id.js";
import type { Service } from "../../service/service.js";
import { pathOf, refuseUpgrade, type UpgradeRoutes } from "../../service/upgrades.js";
import { failureOf, openaiError, Refusal } from "./failures.js";
import type { Gate } from "./gate.js";

/**
 * Hands connections whose clients want to speak another protocol to who speaks it there, if the gate lets them in. Who asks
 * for one that nobody speaks, such as HTTP/2, is answered as if he had not.
 */
export function addUpgrades(server: Server, service: Service, gate: Gate, routes: UpgradeRoutes): void {
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!/^websocket$/i.test(request.headers.upgrade ?? ""))
      return withoutUpgrade(server, request, socket, head);
    const id = requestIdFrom(String(request.headers[REQUEST_ID] ?? ""));
    try {
      const path = pathOf(request);
      const route = routes.get(path);
      if (!route) throw new Refusal("NOT_FOUND", `There is no WebSocket at ${path}: see /docs`);
      gate.checkUpgrade(request, path, route.vouches?.(request));
      route.upgrade(request, socket, head);
    } catch (error) {
      const failure = failureOf(error, id, service.workers.retryAfter);
      const headers = { ...failure.headers, [REQUEST_ID]: id };
      refuseUpgrade(socket, failure.status, JSON.stringify(openaiError(failure)), headers);
    }
  });
}

/** Has the server read a request again that it has handed out as an upgrade, as one that is none. */
function withoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { httpVersion, method, rawHeaders, url } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!];
    if (/^(upgrade|http2-settings)$/i.test(name)) continue;
    if (!/^connection$/i.test(name)) lines.push(`${name}: ${value}`);
    else {
      const others = value.split(",").filter((option) => !/^\s*(upgrade|http2-settings)\s*$/i.test(option));
      if (others.length > 0) lines.push(`${name}: ${others.join(",")}`);
    }
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  server.emit("encrypted" in socket ? "secureConnection" : "connection", socket);
}
