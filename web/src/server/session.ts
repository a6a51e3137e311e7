import { request } from "./request.js";

/** Shows the server its token once; a cookie that no script can read says so from then on. @throws Refused 401 */
export async function enter(token: string): Promise<void> {
  await request("/api/session", { method: "POST", headers: { authorization: `Bearer ${token}` } });
}
