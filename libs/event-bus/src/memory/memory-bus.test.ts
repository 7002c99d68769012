/** The in-process bus obeys the same contract as the real one. */
import { describeEventBus } from "../contract.ts";
import { createMemoryBus } from "./memory-bus.ts";

describeEventBus({
  name: "memory",
  open: async () => {
    const bus = createMemoryBus();
    return { first: bus, second: bus, close: () => bus.close() };
  },
});
