/**
 * Who leads, decided from what was read of the record and from the decider's own monotonic clock; no clock of anybody else counts.
 *
 * The leader raises a beat in the record. A standby that has seen no new beat for longer than a leader goes on without one takes over,
 * and only if nothing has changed by then: epoch and beat must still be those it saw. Every write of a leader checks its epoch in its own
 * transaction, so these decisions are about who serves and when; that nobody else writes does not hang on them.
 */

export interface LeadershipRules {
  /** How often the leader raises its beat. */
  beatEveryMs: number;
  /** How often a standby looks. */
  lookEveryMs: number;
  /** How long a leader goes on after it asked for the last beat that was raised. */
  leadForMs: number;
  /** How long a standby has to have seen the same beat. More than `leadForMs`: clocks may run a little apart. */
  takeOverAfterMs: number;
}

export const LEADERSHIP_RULES: LeadershipRules = {
  beatEveryMs: 500,
  lookEveryMs: 250,
  leadForMs: 3_000,
  takeOverAfterMs: 3_500,
};

/** What the record says of leadership. */
export interface Leadership {
  /** Grows with every change of leader. */
  epoch: number;
  /** Grows with every beat. */
  beat: number;
  /** Empty: the last leader has given it up, or there has been none. */
  holder: string;
}

/** What a standby remembers between two looks. */
export interface Watch {
  seen: Leadership;
  /** When the beat that was seen last had arrived for the first time. */
  sinceMs: number;
}

export interface Look {
  read: Leadership;
  /** When it was asked for, and when it was known. */
  askedMs: number;
  knownMs: number;
}

/**
 * What a look at the record makes of a standby. `formerSelf`: who I was before I was started again, whom nobody else can be: it is
 * known to have ended.
 */
export function watchLeader(
  before: Watch | undefined,
  { read, askedMs, knownMs }: Look,
  given: { rules: LeadershipRules; formerSelf?: string },
): { watch: Watch; takeOver: boolean } {
  const same = before !== undefined && before.seen.epoch === read.epoch && before.seen.beat === read.beat;
  const watch = { seen: read, sinceMs: same ? before.sinceMs : knownMs };
  const vacant = read.holder === "" || read.holder === given.formerSelf;
  // Counted from when it was known until it was asked for: an answer that took long may tell of a beat that is long past.
  return { watch, takeOver: vacant || askedMs - watch.sinceMs >= given.rules.takeOverAfterMs };
}

/** Whether a leader may still serve; `beatAskedMs`: when it asked for the last beat that was raised. */
export function mayLead(beatAskedMs: number, nowMs: number, rules: LeadershipRules): boolean {
  return nowMs - beatAskedMs < rules.leadForMs;
}
