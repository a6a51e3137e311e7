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
  if (!response.ok) throw new Refused(response.status, await reasonIn(response));
  return response;
}

/** Doors have shapes of their own for errors. */
async function reasonIn(response: Response): Promise<string> {
  const body = (await response.json().catch(() => ({}))) as { error?: string | { message?: string } };
  const reason = typeof body.error === "string" ? body.error : body.error?.message;
  return reason ?? `${response.status} ${response.statusText}`;
}
