/** The logged-in user's client, as every command wants it. */
import { SpellClient, loadConfiguration } from "@spell/sdk";
import { environment } from "./config.ts";

/**
 * A client from the environment. A person is waiting, so an absent coordinator is reported after seconds; once it has
 * answered, a restart of it is waited out.
 */
export function openClient(): SpellClient {
  return new SpellClient(loadConfiguration(environment), { connectForMs: 3_000, retryForMs: 30_000 });
}
