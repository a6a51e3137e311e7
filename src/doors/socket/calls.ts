import type { Socket } from "node:net";
import { Call } from "../../service/call/call.js";
import { requestIdFrom } from "../../service/request-id.js";
import type { Service } from "../../service/service.js";

/** The call that a connection is: it counts as open from now on. @param method for the log and metrics */
export function beginCall(service: Service, method: string, socket: Socket, requestId = ""): Call {
  const { remoteAddress = "unknown", remotePort = 0 } = socket;
  const address = remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress;
  const call = new Call(requestIdFrom(requestId), method, `${address}:${remotePort}`);
  service.calls.add(call);
  return call;
}
