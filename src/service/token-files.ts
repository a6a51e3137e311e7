import { readFile } from "node:fs/promises";
import { TranscriptionError } from "../index.js";
import { type ServerSettings, TOKEN_SETTINGS, variableOf } from "./settings.js";
import { isToken, TOKEN_FORM } from "./tokens.js";

/**
 * Every token that calls may bring, from the settings and from the files that they name; none: calls need none.
 * @throws TranscriptionError INVALID_ARGUMENT that names the setting whose file cannot be read or holds no token
 */
export async function loadTokens(settings: ServerSettings): Promise<string[]> {
  const tokens: string[] = [];
  for (const [token, file] of TOKEN_SETTINGS) {
    const given = settings[token];
    if (given !== undefined) tokens.push(given);
    const path = settings[file];
    if (path !== undefined) tokens.push(await readToken(path, variableOf(file)));
  }
  return tokens;
}

async function readToken(path: string, variable: string): Promise<string> {
  let token: string;
  try {
    token = (await readFile(path, "utf8")).trim();
  } catch (cause) {
    throw new TranscriptionError("INVALID_ARGUMENT", `Cannot read ${variable}: ${(cause as Error).message}`, {
      cause,
      option: variable,
    });
  }
  if (isToken(token)) return token;
  const received = token === "" ? "nothing: it is empty" : `${token.length} characters`;
  throw new TranscriptionError(
    "INVALID_ARGUMENT",
    `${variable}: expected a file with ${TOKEN_FORM} but received ${received}`,
    { option: variable },
  );
}
