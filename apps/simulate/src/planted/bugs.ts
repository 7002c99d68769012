/** The bugs that are planted, one at a time, to see that the simulation finds them. */
import type { PlantedBug } from "./planted-bug.ts";

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: "boot-ignored",
    breaks: "after a restart of the machine the agent starts again what it had started before",
    file: "apps/agent/src/attempt.ts",
    find: "this.#journal.record.bootId !== this.#services.bootId",
    replace: "false",
    within: 100,
  },
];
