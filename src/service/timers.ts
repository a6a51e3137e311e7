/** Milliseconds of the longest timer there is: one that is to be longer fires at once. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** Whether `work` is done within `seconds`; `Infinity`: as good as always. */
export async function within(work: Promise<void>, seconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.min(seconds * 1000, LONGEST_TIMER));
  });
  return Promise.race([work.then(() => true), expired]).finally(() => clearTimeout(timer));
}
