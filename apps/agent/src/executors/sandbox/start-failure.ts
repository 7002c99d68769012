/** Turns what bwrap printed into a sentence for the user. */
import { closeSync, openSync, readSync } from "node:fs";

const OWN_PREFIX = "bwrap: ";

/**
 * The sentence, when the spool begins with a message of bwrap itself. Only asked when bwrap reported no exit code: then the
 * command never ran and everything in the spool is bwrap's.
 */
export function startFailureIn(spoolPath: string): string | undefined {
  const head = headOf(spoolPath);
  if (!head.startsWith(OWN_PREFIX)) return undefined;
  const line = head.slice(OWN_PREFIX.length).split("\n")[0] ?? "";
  return sentenceFor(line);
}

/** The sentence for one message of bwrap. */
export function sentenceFor(message: string): string {
  const folder = /^Can't chdir to (.*): (.*)$/.exec(message);
  if (folder !== null) return `The working directory ${folder[1]} cannot be entered in the run: ${lower(folder[2])}.`;
  const mount = /^Can't (?:mkdir(?: parents for)?|create file at) (.*): (.*)$/.exec(message);
  if (mount !== null) return `Cannot mount at ${mount[1]}: ${lower(mount[2])}. Choose another mount path.`;
  const source = /^Can't (?:find source path|get type of source) (.*): (.*)$/.exec(message);
  if (source !== null) return `A mounted folder is missing on this machine: ${source[1]} (${lower(source[2])}).`;
  if (/^execvp .*: Argument list too long$/.test(message)) {
    return "The command and its environment are too long for this machine: put large values into files.";
  }
  return `The sandbox could not be set up on this machine: ${message}.`;
}

function lower(text: string | undefined): string {
  return text === undefined ? "" : text.charAt(0).toLowerCase() + text.slice(1);
}

function headOf(path: string): string {
  const buffer = Buffer.alloc(4096);
  try {
    const file = openSync(path, "r");
    try {
      return buffer.toString("utf8", 0, readSync(file, buffer, 0, buffer.length, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return "";
  }
}
