/** The signals that end a command, as people know them. */

/** By number on Linux for the processors that machine learning runs on; the others have a number alone. */
const NAMES: Readonly<Record<number, string>> = {
  ...{ 1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE" },
  ...{ 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM" },
  ...{ 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS" },
};

/** `11 (SIGSEGV)`. */
export function signalText(signal: number): string {
  const name = NAMES[signal];
  return name === undefined ? String(signal) : `${signal} (${name})`;
}
