/** Why a run cannot be started, as the user reads it. Caught by the executor, which ends the run with this sentence. */
export class StartProblem extends Error {
  override readonly name = "StartProblem";
}
