/** All commands: a sentence for the help, and where each is. */
import type { Command } from "commander";

interface CommandEntry {
  name: string;
  summary: string;
  /** Other words for it. */
  aliases?: readonly string[];
  hidden?: boolean;
  /** Loads the command's module and gives what adds it to the program. */
  load: () => Promise<(program: Command) => void>;
}

/** Of the former command line, and not offered here. */
const FORMER = ["jupyter", "server", "cluster", "kube-cluster"];

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "run",
    summary: "run a command on a machine of the farm",
    load: async () => (await import("./commands/run.ts")).registerRun,
  },
  {
    name: "hyper",
    summary: "search for good parameters with many runs of one command",
    load: async () => (await import("./commands/hyper.ts")).registerHyper,
  },
  {
    name: "workflow",
    summary: "run a script that launches further runs",
    load: async () => (await import("./commands/workflow.ts")).registerWorkflow,
  },
  {
    name: "logs",
    summary: "show what a run prints",
    load: async () => (await import("./commands/logs.ts")).registerLogs,
  },
  {
    name: "stats",
    summary: "show what a run uses of its machine",
    load: async () => (await import("./commands/stats.ts")).registerStats,
  },
  { name: "ps", summary: "list runs", load: async () => (await import("./commands/ps.ts")).registerPs },
  {
    name: "info",
    summary: "describe a run",
    load: async () => (await import("./commands/info.ts")).registerInfo,
  },
  {
    name: "stop",
    summary: "stop runs and keep their outputs",
    load: async () => (await import("./commands/stop.ts")).registerStop,
  },
  {
    name: "kill",
    summary: "end runs at once, saving nothing",
    load: async () => (await import("./commands/kill.ts")).registerKill,
  },
  {
    name: "archive",
    summary: "hide runs that have ended",
    load: async () => (await import("./commands/archive.ts")).registerArchive,
  },
  {
    name: "label",
    summary: "put a label on a run, or take it off",
    load: async () => (await import("./commands/label.ts")).registerLabel,
  },
  {
    name: "project",
    summary: "gather runs in projects",
    load: async () => (await import("./commands/project.ts")).registerProject,
  },
  {
    name: "ls",
    summary: "list what runs wrote and what was uploaded",
    load: async () => (await import("./commands/ls.ts")).registerLs,
  },
  {
    name: "cp",
    summary: "copy what a run wrote or what was uploaded to this machine",
    load: async () => (await import("./commands/cp.ts")).registerCp,
  },
  {
    name: "checkout",
    summary: "get the code that a run had",
    load: async () => (await import("./commands/checkout.ts")).registerCheckout,
  },
  {
    name: "upload",
    summary: "upload a file or a folder",
    load: async () => (await import("./commands/upload.ts")).registerUpload,
  },
  {
    name: "rm",
    summary: "remove uploads",
    load: async () => (await import("./commands/rm.ts")).registerRm,
  },
  {
    name: "link",
    summary: "give a resource a short name",
    load: async () => (await import("./commands/link.ts")).registerLink,
  },
  {
    name: "unlink",
    summary: "remove a link",
    load: async () => (await import("./commands/unlink.ts")).registerUnlink,
  },
  {
    name: "model",
    summary: "name results of runs, in versions",
    load: async () => (await import("./commands/model.ts")).registerModel,
  },
  {
    name: "machine-types",
    summary: "list the machine types that runs may ask for",
    load: async () => (await import("./commands/machine-types.ts")).registerMachineTypes,
  },
  {
    name: "repos",
    summary: "list the git repositories that code was taken from",
    load: async () => (await import("./commands/repos.ts")).registerRepos,
  },
  {
    name: "status",
    summary: "show how the farm is: coordinator, machines, runs",
    load: async () => (await import("./commands/status.ts")).registerStatus,
  },
  {
    name: "login",
    summary: "log in with a password or a token",
    load: async () => (await import("./commands/login.ts")).registerLogin,
  },
  {
    name: "logout",
    summary: "end the session and forget it",
    load: async () => (await import("./commands/logout.ts")).registerLogout,
  },
  {
    name: "whoami",
    aliases: ["me"],
    summary: "show who is logged in",
    load: async () => (await import("./commands/whoami.ts")).registerWhoAmI,
  },
  {
    name: "owner",
    summary: "show whose runs commands are about",
    load: async () => (await import("./commands/owner.ts")).registerOwner,
  },
  {
    name: "passwd",
    summary: "set a new password",
    load: async () => (await import("./commands/passwd.ts")).registerPasswd,
  },
  {
    name: "access-tokens",
    summary: "create, list and delete tokens for scripts",
    load: async () => (await import("./commands/access-tokens.ts")).registerAccessTokens,
  },
  {
    name: "keys",
    summary: "register, list and remove public SSH keys",
    load: async () => (await import("./commands/keys.ts")).registerKeys,
  },
  {
    name: "user",
    summary: "make users and set their passwords",
    load: async () => (await import("./commands/user.ts")).registerUser,
  },
  {
    name: "feedback",
    summary: "leave words for whoever runs this farm",
    load: async () => (await import("./commands/feedback.ts")).registerFeedback,
  },
  {
    name: "curl",
    summary: "ask the HTTP API with curl, as yourself",
    load: async () => (await import("./commands/curl.ts")).registerCurl,
  },
  {
    name: "du",
    summary: "show what takes the space of the store",
    load: async () => (await import("./commands/du.ts")).registerDu,
  },
  {
    name: "fsck",
    summary: "check that all that is used is in the store, whole",
    load: async () => (await import("./commands/fsck.ts")).registerFsck,
  },
  {
    name: "admin",
    summary: "back up, check and restore the coordinator's record",
    load: async () => (await import("./commands/admin.ts")).registerAdmin,
  },
  {
    name: "gc",
    summary: "remove from the store what nothing uses any more",
    load: async () => (await import("./commands/gc.ts")).registerGc,
  },
  {
    name: "up",
    summary: "start a farm on this machine",
    load: async () => (await import("./commands/up.ts")).registerUp,
  },
  {
    name: "agent",
    summary: "let this machine join a farm, and steer those that have",
    load: async () => (await import("./commands/agent.ts")).registerAgent,
  },
  {
    name: "coordinator",
    summary: "start a coordinator by itself",
    load: async () => (await import("./commands/coordinator.ts")).registerCoordinator,
  },
  {
    name: "completion",
    summary: "let your shell complete commands, options and runs",
    load: async () => (await import("./commands/completion.ts")).registerCompletion,
  },
  {
    name: "complete",
    summary: "answer a shell that completes words",
    hidden: true,
    load: async () => (await import("./commands/complete.ts")).registerComplete,
  },
  ...FORMER.map((name) => ({
    ...{ name, summary: "not offered here", hidden: true },
    load: async () => (await import("./commands/not-offered.ts")).registerNotOffered(name),
  })),
];

/** The command of this name. */
export function commandNamed(word: string | undefined): CommandEntry | undefined {
  return COMMANDS.find(({ name, aliases }) => name === word || (word !== undefined && aliases?.includes(word)));
}
