/** Whether `source` has the form of a name on the Hugging Face Hub, `owner/name`. */
export function isHubName(source: string): boolean {
  return /^(?!\.)[\w.-]+\/(?!\.)[\w.-]+$/.test(source);
}
