/** The server refused, in its words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** What the server calls it; undefined: somebody before it has answered. */
    readonly code?: string,
  ) {
    super(message);
  }
}

/** The server cannot be reached. */
export class Unreachable extends Error {}

/** @throws Refused, Unreachable; the signal's reason */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Unreachable();
  }
  if (!response.ok) throw refusalIn(await response.text(), response.status);
  return response;
}

/** What an answer says is wrong: doors have shapes of their own for that, and proxies none. */
export function refusalIn(text: string, status: number): Refused {
  try {
    const answer = JSON.parse(text) as Told & { error?: string | Told };
    const told = typeof answer.error === "object" ? answer.error : answer;
    const reason = typeof answer.error === "string" ? answer.error : told.message;
    if (reason) return new Refused(status, reason, told.code);
  } catch {
    // No JSON.
  }
  return new Refused(status, `HTTP ${status}`);
}

interface Told {
  message?: string;
  code?: string;
}
