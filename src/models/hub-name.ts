/** Whether `source` has the form of a name on the Hugging Face Hub, `owner/name` or `owner/name@revision`. */
export function isHubName(source: string): boolean {
  return /^(?!\.)[\w.-]+\/(?!\.)[\w.-]+(@(?!\.)[\w.-]+)?$/.test(source);
}

/** A name's repository and its branch, tag or commit: `main` where it has none. */
export function splitHubName(name: string): { repository: string; revision: string } {
  const [repository = name, revision = "main"] = name.split("@");
  return { repository, revision };
}
