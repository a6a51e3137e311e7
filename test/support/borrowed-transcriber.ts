import type { Transcriber } from "../../src/index.js";

/** `transcriber` as somebody else's, with some of its methods changed: closing it does nothing. */
export function borrowed(transcriber: Transcriber, changes: Partial<Transcriber>): Transcriber {
  const own: Partial<Transcriber> = { close: async () => {}, ...changes };
  return new Proxy(transcriber, {
    get(target, key) {
      const changed = Reflect.get(own, key);
      if (changed !== undefined) return changed;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
