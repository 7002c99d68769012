/** What went wrong with the connection, as a sentence with its cure. */
import { SpellError, messageOf } from "@spell/domain";

/** A failed connection as our error: `unauthenticated` for a refused token, `unavailable` for everything else. */
export function connectionProblem(error: unknown, servers: readonly string[]): SpellError {
  const where = servers.join(", ");
  const text = messageOf(error);
  const name = error instanceof Error ? error.name : "";
  if (name === "AuthorizationError" || name === "UserAuthenticationExpiredError" || /authorization/i.test(text)) {
    return new SpellError(
      "unauthenticated",
      `The nats-server at ${where} refuses our token: give the same token to the server and to this process. Trying again in the background.`,
      { reason: "nats-token-refused", cause: error },
    );
  }
  return new SpellError(
    "unavailable",
    `Cannot reach the nats-server at ${where} (${text}): see that it runs and that the address is right. Trying again in the background.`,
    { reason: "nats-unreachable", cause: error },
  );
}

/** A request to the bus that got no answer. */
export function busAway(doing: string, error?: unknown): SpellError {
  const why = error === undefined ? "no connection to the nats-server stands" : messageOf(error);
  return new SpellError("unavailable", `Cannot ${doing}: ${why}. Try again.`, { reason: "bus-away", cause: error });
}
