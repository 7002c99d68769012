export { createNatsBus } from "./nats-bus.ts";
export type { NatsBus, NatsBusOptions } from "./nats-bus.ts";
export { natsServerConfig } from "./server-config.ts";
export type { NatsServerConfig } from "./server-config.ts";
