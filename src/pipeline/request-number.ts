let last = 0;

/** A number for one request, from 1, by which engines tell its windows from those of others. */
export function newRequestNumber(): number {
  last += 1;
  return last;
}
