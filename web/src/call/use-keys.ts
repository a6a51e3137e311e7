import { useEffect, useRef } from "preact/hooks";

/** Does what a key is for, unless it is typed into something. */
export function useKeys(actions: Readonly<Record<string, () => void>>): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if ((event.target as Element).matches("input:not([type=range], [type=checkbox]), select, textarea"))
        return;
      if (event.key === " " && (event.target as Element).matches("button, summary, a, [type=checkbox]"))
        return;
      if (event.key.startsWith("Arrow") && (event.target as Element).matches("[type=range]")) return;
      const action = latest.current[event.key] ?? latest.current[latinKey(event)];
      if (!action) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", listener);
    return () => removeEventListener("keydown", listener);
  }, []);
}

/** What the key is on a Latin keyboard, whatever language is typed. */
function latinKey({ code, shiftKey }: KeyboardEvent): string {
  const plain: Record<string, string> = { KeyJ: "j", KeyK: "k", KeyE: "e", Slash: "/" };
  const shifted: Record<string, string> = { Slash: "?", Comma: "<", Period: ">" };
  return (shiftKey ? shifted : plain)[code] ?? "";
}
