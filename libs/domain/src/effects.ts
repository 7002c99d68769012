/** What a change of status asks to be done, by name: rows of the transition table list them, the coordinator does them. */

export const EFFECTS = {
  "begin-attempt": "a new attempt with a lease of its own",
  "time-start": "the command's start is noted",
  "signal-stop": "the agent is told to stop the command",
  "signal-kill": "the agent is told to kill the command",
  "end-attempt": "the attempt in force ends; its agent is told to let go of it",
  "release-slot": "its slots are free for the next run",
  "publish-outputs": "what the attempt stored becomes visible as the run's outputs; without this, never",
  requeue: "the run waits for a machine once more, not before the pause of its retry policy is over",
  notice: "the last lines of the run's log, or of an attempt's that another follows",
} as const;

export type Effect = keyof typeof EFFECTS;
