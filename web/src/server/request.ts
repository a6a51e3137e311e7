/** The server refused, in its words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
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
  if (!response.ok) throw new Refused(response.status, reasonIn(await response.text(), response.status));
  return response;
}

/** What an answer says is wrong: doors have shapes of their own for that, and proxies none. */
export function reasonIn(text: string, status: number): string {
  try {
    const { error } = JSON.parse(text) as { error?: string | { message?: string } };
    const reason = typeof error === "string" ? error : error?.message;
    if (reason) return reason;
  } catch {
    // No JSON.
  }
  return `HTTP ${status}`;
}
