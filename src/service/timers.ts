/** Milliseconds of the longest timer there is: one that is to be longer fires at once. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** Whether `work` is done within `seconds`. */
export async function within(work: Promise<void>, seconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), seconds * 1000);
  });
  return Promise.race([work.then(() => true), expired]).finally(() => clearTimeout(timer));
}
