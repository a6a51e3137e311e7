import { ByteBudget } from "./call/byte-budget.js";
import { type ServerSettings, variableOf } from "./settings.js";

/** What all calls share, through whatever door they came. */
export interface Budgets {
  /** What they hold in memory: messages as they arrive, inflated ones, recordings that are not on disk. */
  memory: ByteBudget;
  /** Uploads in the temporary folder. */
  disk: ByteBudget;
}

export function createBudgets({ maxDiskBytes, maxMemoryBytes }: ServerSettings): Budgets {
  const full = (what: string, setting: string, total: number) =>
    `The server is busy: its calls hold all the ${what} that they may (${setting}, ${total} bytes); try again later`;
  return {
    memory: new ByteBudget(maxMemoryBytes, full("memory", variableOf("maxMemoryBytes"), maxMemoryBytes)),
    disk: new ByteBudget(maxDiskBytes, full("disk space", variableOf("maxDiskBytes"), maxDiskBytes)),
  };
}
