/**
 * Sends code, then makes what it is for. In between the code is nobody's: a collection that comes then (a laptop slept, the grace
 * period is short) removes it, and the request is refused. So it is sent again and asked for again, once.
 */
import { SpellError } from "@spell/domain";
import { terminal } from "../output/terminal.ts";

/** Throws what sending and creating throw. */
export async function createWithCode<Sent, Created>(
  send: () => Promise<Sent>,
  create: (sent: Sent) => Promise<Created>,
): Promise<Created> {
  const sent = await send();
  try {
    return await create(sent);
  } catch (error) {
    if (!(error instanceof SpellError) || error.reason !== "no-such-tree") throw error;
  }
  terminal.note("info", "The store has let go of what was sent before the request came: sending it again.");
  return create(await send());
}
