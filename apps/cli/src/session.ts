/** The logged-in user's client, as every command wants it. */
import { SpellClient } from "@spell/sdk";

/**
 * A client from the environment. A person is waiting, so an absent coordinator is reported after seconds; once it has
 * answered, a restart of it is waited out.
 */
export function openClient(): SpellClient {
  return SpellClient.fromEnvironment({ connectForMs: 3_000, retryForMs: 30_000 });
}
