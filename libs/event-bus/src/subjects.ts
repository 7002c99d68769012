/** The subjects of the bus, made and read in one place. */

/** Everything of this product; what the stream keeps. */
export const ALL_SUBJECTS = "spell.v1.>";

/** Status news of all runs. */
export const ALL_STATUS_SUBJECTS = "spell.v1.run.*.status";

/** Where the log batches of a run go. */
export function logSubject(runId: number): string {
  return `spell.v1.run.${runId}.log`;
}

/** Where the status news of a run goes. */
export function statusSubject(runId: number): string {
  return `spell.v1.run.${runId}.status`;
}

/** The run a subject is about; undefined for a subject of another form. */
export function runIdOfSubject(subject: string): number | undefined {
  const digits = /^spell\.v1\.run\.([0-9]{1,15})\.(?:log|status)$/.exec(subject)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
