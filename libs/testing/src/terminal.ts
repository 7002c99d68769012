/** A terminal for a command under test: it shows there less, or more, than into a pipe. */
import { join } from "node:path";
import { repositoryRoot } from "./tool-path.ts";

/** Shows what the command writes to its terminal; SIGUSR1 is a ^C typed there. */
const TERMINAL = `
import os, pty, signal, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGUSR1, lambda *_: os.write(terminal, b"\\x03"))
while True:
    try:
        shown = os.read(terminal, 65536)
    except OSError:
        break
    os.write(1, shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/**
 * Put in front of a command: it starts the command on a terminal of its own. Stdout is what the terminal receives, stderr included,
 * lines end with a carriage return as well; the signal SIGUSR1 types ^C.
 */
export const ON_TERMINAL: readonly string[] = [join(repositoryRoot, ".venv/bin/python"), "-c", TERMINAL];
