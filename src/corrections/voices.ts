import type { Segment } from "../types/result.js";

/** Somebody who is heard. */
interface Voice {
  id: string;
  /** Who it is, where two were told that are one. */
  into?: Voice;
}

/**
 * Who says which segment, while segments become another's and two speakers one: a change takes as long however much is said
 * (a disjoint-set forest with path halving, Tarjan and van Leeuwen 1984).
 */
export class Voices {
  /** By the ids that they had at first. An id that a merge has freed may be somebody else's later. */
  readonly #first: ReadonlyMap<string, Voice>;
  /** By the ids that they have now. */
  readonly #now: Map<string, Voice>;
  /** Of segments that were said to be theirs. */
  readonly #given = new Map<number, Voice>();

  constructor(ids: Iterable<string>) {
    this.#first = new Map([...ids].map((id) => [id, { id }]));
    this.#now = new Map(this.#first);
  }

  add(id: string): void {
    this.#now.set(id, { id });
  }

  /** @param id of somebody who is heard */
  give(segment: number, id: string): void {
    this.#given.set(segment, this.#now.get(id)!);
  }

  /** Both are heard, and are not the same. */
  merge(id: string, into: string): void {
    this.#now.get(id)!.into = this.#now.get(into)!;
    this.#now.delete(id);
  }

  /** Whether it was said who says it. */
  isGiven({ id }: Segment): boolean {
    return this.#given.has(id);
  }

  /** Id of who says it. @param segment with the speaker that it had at first */
  of({ id, speaker }: Segment): string | undefined {
    const given = this.#given.get(id);
    return given ? rootOf(given).id : this.nowOf(speaker ?? undefined);
  }

  /** Id that somebody has now. @param first that which it had at first */
  nowOf(first: string): string;
  nowOf(first: string | undefined): string | undefined;
  nowOf(first: string | undefined): string | undefined {
    const voice = first === undefined ? undefined : this.#first.get(first);
    return voice ? rootOf(voice).id : first;
  }
}

function rootOf(voice: Voice): Voice {
  let root = voice;
  while (root.into) {
    if (root.into.into) root.into = root.into.into;
    root = root.into;
  }
  return root;
}
