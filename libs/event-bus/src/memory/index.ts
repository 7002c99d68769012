export { createMemoryBus } from "./memory-bus.ts";
export type { MemoryBus } from "./memory-bus.ts";
