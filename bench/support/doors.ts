import { Caller, type RunningCall, type SendOptions, WAYS } from "./calls.js";
import { HTTP_WAYS, HttpCaller } from "./http-calls.js";

/** Through which a server is asked. */
export type Door = "grpc" | "http";

/** Where a server of the benches has its doors. */
export const HOSTS: Readonly<Record<Door, string>> = { grpc: "localhost", http: "127.0.0.1" };

/** A client of either door. */
export interface AnyCaller {
  /** @param way one of {@link waysOf} its door */
  send(way: string, bytes: Buffer, options?: SendOptions): RunningCall;
  close(): void;
}

/** The ways to send a recording through a door. */
export function waysOf(door: Door): readonly string[] {
  return door === "grpc" ? WAYS : HTTP_WAYS;
}

/** A client with connections of its own. */
export function openCaller(door: Door, port: number): AnyCaller {
  return (door === "grpc" ? new Caller(port) : new HttpCaller(port)) as AnyCaller;
}
