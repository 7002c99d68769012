export { MemoryTransport } from "./memory-transport.ts";
export { ObjectServer } from "./object-server.ts";
