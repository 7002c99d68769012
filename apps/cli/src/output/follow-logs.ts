/** Prints a run's log to the terminal, until it ends or the user turns away. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LogEntry } from "@spell/domain";
import type { Run } from "@spell/sdk";
import { connectionNotes } from "./connection-notes.ts";
import { LogRenderer } from "./log-renderer.ts";
import { terminal } from "./terminal.ts";

export interface FollowOptions {
  follow: boolean;
  /** Index of the first entry; negative: from the end. */
  offset?: number;
  /** As far apart as they were written. */
  delay?: boolean;
  verbose?: boolean;
  json?: boolean;
  /** Lines for a user who pressed ^C; the run itself goes on. */
  whenDetached: readonly string[];
}

/** Spinners move twice a second. */
const TICK_MS = 500;

/** Resolves when the log is at its end, or after ^C. Throws SpellError. */
export async function followLogs(run: Run, options: FollowOptions): Promise<void> {
  const abort = new AbortController();
  const detach = (): void => abort.abort();
  process.once("SIGINT", detach);
  const live = terminal.isTty && !options.verbose && !options.json;
  const renderer = new LogRenderer({
    live,
    onTerminal: terminal.isTty,
    emoji: terminal.emoji,
    columns: terminal.columns,
  });
  const ticker = live ? setInterval(() => terminal.write(renderer.tick()), TICK_MS) : undefined;
  const connection = connectionNotes();
  try {
    const { follow, offset, delay = false } = options;
    const { signal } = abort;
    const entries = run.logs({ follow, offset, signal, onConnection: connection.changed });
    for await (const entry of delay ? asWritten(entries, signal) : entries) {
      await terminal.writeSlowly(options.json ? `${JSON.stringify(toJson(entry))}\n` : renderer.entry(entry));
    }
    terminal.write(renderer.end());
    if (renderer.hasHiddenCause)
      terminal.say("info", `Use 'spell logs ${run.id} --verbose' to examine cause of error.`);
  } catch (error) {
    terminal.write(renderer.end());
    if (!abort.signal.aborted) throw error;
    if (options.json) return;
    terminal.line();
    for (const line of options.whenDetached) terminal.say("spark", line);
  } finally {
    clearInterval(ticker);
    connection.stop();
    process.removeListener("SIGINT", detach);
  }
}

/** The entries again, none sooner after the first than it was written. */
async function* asWritten(entries: AsyncIterable<LogEntry>, signal: AbortSignal): AsyncGenerator<LogEntry> {
  let first: { atMs: number; shownAt: number } | undefined;
  for await (const entry of entries) {
    const now = performance.now();
    first ??= { atMs: entry.atMs, shownAt: now };
    const aheadMs = first.shownAt + (entry.atMs - first.atMs) - now;
    if (aheadMs > 0) await sleep(aheadMs, undefined, { signal });
    yield entry;
  }
}

function toJson(entry: LogEntry): Record<string, unknown> {
  const { atMs, text, status, statusEvent, level, partial } = entry;
  const at = new Date(atMs).toISOString();
  return { timestamp: at, status, log: text, status_event: statusEvent, level: level || null, partial };
}
