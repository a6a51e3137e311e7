import { request } from "./request.js";

/** One of a stream of server-sent events. */
export interface ServerEvent {
  /** By which the stream goes on behind it; empty: it has none. */
  id: string;
  data: Record<string, unknown>;
}

/**
 * Events of `path` behind the one of id `after`, until the server ends them; none where there are no more to come.
 * @throws Refused, Unreachable; TypeError where the connection is lost
 */
export async function* events(path: string, after: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const { body } = await request(path, { signal, headers: after === "" ? {} : { "last-event-id": after } });
  if (body === null) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const event = parsed(block);
      if (event) yield event;
    }
  }
}

/** Comments are none. */
function parsed(block: string): ServerEvent | undefined {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
  const data = field("data");
  return data === undefined ? undefined : { id: field("id") ?? "", data: JSON.parse(data) };
}
