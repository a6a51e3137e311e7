import { request } from "./request.js";

/** One of a stream of server-sent events. */
export interface ServerEvent {
  id: string;
  event: string;
  data: Record<string, unknown>;
}

/** Events of `path` until the server ends them, from where they were left when the connection is lost in between. */
export async function* events(path: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const headers = { accept: "text/event-stream" };
  const response = await request(path, { signal, headers });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
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

function parsed(block: string): ServerEvent | undefined {
  const fields = Object.fromEntries(
    block
      .split("\n")
      .filter((line) => !line.startsWith(":"))
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
  if (fields.data === undefined) return undefined;
  return { id: fields.id ?? "", event: fields.event ?? "message", data: JSON.parse(fields.data) };
}
