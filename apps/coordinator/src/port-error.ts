/** Why a port could not be opened, for people. */
import { SpellError, messageOf } from "@spell/domain";
import { hostPort } from "./host-port.ts";

/** The error that says so; `what` is HTTP or gRPC. */
export function portError(what: string, address: { host: string; port: number }, error: unknown): SpellError {
  const why = messageOf(error);
  const cure = why.includes("EADDRINUSE")
    ? `Is Spell running already? Choose another port with --${what.toLowerCase()}-port.`
    : "Check --host.";
  return new SpellError(
    "unavailable",
    `Cannot serve ${what} on ${hostPort(address.host, address.port)}: ${why}. ${cure}`,
    { reason: "port-taken", cause: error },
  );
}
