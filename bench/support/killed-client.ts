/**
 * A client of the soak: sends the recording on standard input many times at once, says so, and is killed.
 *
 *   killed-client.ts grpc|http PORT CALLS
 */
import { type Door, openCaller, waysOf } from "./doors.js";

const [door, port, calls] = process.argv.slice(2) as [Door, string, string];
const parts: Buffer[] = [];
for await (const part of process.stdin) parts.push(part as Buffer);
const file = Buffer.concat(parts);
const caller = openCaller(door, Number(port));
const ways = waysOf(door);
const running = Array.from({ length: Number(calls) }, (_, i) => caller.send(ways[i % ways.length]!, file));
process.stdout.write("sent\n");
await Promise.all(running.map(({ ended }) => ended));
