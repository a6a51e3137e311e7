import { homedir, userInfo } from "node:os";
import { isAbsolute } from "node:path";

/**
 * The home folder of this user; undefined where neither HOME nor a list of users names one, as in containers that run
 * under any number, or with an environment that is empty.
 */
export function homeFolder(): string | undefined {
  for (const find of [homedir, () => userInfo().homedir]) {
    try {
      const folder = find();
      if (isAbsolute(folder)) return folder;
    } catch {
      // The system has no entry for this user.
    }
  }
  return undefined;
}
