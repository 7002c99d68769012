/** Whether this coordinator may speak for its farm. With a record that only one process can open, it may for as long as it lives. */
import { SpellError } from "@spell/domain";
import { NOT_LEADER, STANDBY } from "@spell/rpc";

export interface Lead {
  /** Throws `unavailable`, reason `not-leader`, from the moment on at which another coordinator may lead. Asked at each request. */
  require(): void;
}

/** There is no other coordinator. */
export const SOLE_LEAD: Lead = { require: () => undefined };

/** What a coordinator says that does not lead yet; `leader`: the address of the one that does, as far as is known. */
export function standsBy(leader: string | undefined): SpellError {
  const who = leader === undefined ? "none leads yet" : `${leader} leads`;
  return new SpellError("unavailable", `This coordinator stands by: ${who}. Ask the other addresses of the farm.`, {
    reason: STANDBY,
  });
}

/** What a coordinator says that led until now. */
export function leadsNoMore(): SpellError {
  return new SpellError("unavailable", "This coordinator leads no more. Ask the other addresses of the farm.", {
    reason: NOT_LEADER,
  });
}

/** What a coordinator says that cannot tell whether it still leads: clients that know another one ask that. */
export function awaitsDatabase(): SpellError {
  const message = "The database does not answer this coordinator, so it cannot tell whether it still leads: try again.";
  return new SpellError("unavailable", message, { reason: NOT_LEADER });
}
