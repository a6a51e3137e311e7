/**
 * A client of the soak: sends the recording on standard input many times at once on one channel, says so, and is killed.
 *
 *   killed-client.ts PORT CALLS
 */
import { Caller, WAYS } from "./calls.js";

const [port, calls] = process.argv.slice(2).map(Number);
const parts: Buffer[] = [];
for await (const part of process.stdin) parts.push(part as Buffer);
const file = Buffer.concat(parts);
const caller = new Caller(port!);
const running = Array.from({ length: calls! }, (_, i) => caller.send(WAYS[i % WAYS.length]!, file));
process.stdout.write("sent\n");
await Promise.all(running.map(({ ended }) => ended));
