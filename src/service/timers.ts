/** Milliseconds of the longest timer there is: one that is to be longer fires at once. */
export const LONGEST_TIMER = 2 ** 31 - 1;
