export { place, requestedSlots } from "./placement.ts";
export type { AgentCapacity, Assignment, TakenSlots, WaitingRun } from "./placement.ts";
export { waitReason } from "./wait-reason.ts";
