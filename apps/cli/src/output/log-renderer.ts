/**
 * Turns log entries into what a person sees. Pure: entries in, text out.
 *
 * Plain (a pipe, or verbose): every entry is a line; changes of status carry their emoji. A pipe gets user lines byte for byte.
 * Live (a terminal): a status without a symbol of its own is one line that is rewritten with each message and ends as
 * `Building… done`; user lines stand as they were printed; ends carry their emoji.
 */
import type { LogEntry } from "@spell/domain";
import { oneLine, withoutCommands } from "./clean-text.ts";
import type { SymbolName } from "./symbols.ts";
import { decorate, plain } from "./symbols.ts";

export interface LogRendererOptions {
  live: boolean;
  /** A terminal shows it: nothing that a program printed may command it. */
  onTerminal: boolean;
  emoji: boolean;
  /** Width of the terminal; live only. */
  columns: number;
}

const STATUS_SYMBOLS: Readonly<Record<string, SymbolName>> = {
  running: "spark",
  stopping: "cast",
  killing: "cast",
  complete: "party",
  failed: "crash",
  build_failed: "crash",
  mount_failed: "crash",
  killed: "skull",
  stopped: "hand",
  interrupted: "hand",
};

/** The symbol of a line that says a run has this status. */
export function statusSymbol(status: string): SymbolName {
  return STATUS_SYMBOLS[status] ?? "spark";
}

const SPINNER_FRAMES = ["⭐", "🌟"];
const CLEAR_LINE = "\r\x1b[K";

export class LogRenderer {
  readonly #options: LogRendererOptions;
  /** Live only: the status whose line is being rewritten. */
  #spinner: { status: string; message: string; failed: boolean } | undefined;
  #frame = 0;
  /** The last user line is not ended yet. */
  #midLine = false;
  #hadError = false;

  constructor(options: LogRendererOptions) {
    this.#options = options;
  }

  /** An error was shown in short and the whole story is in the verbose log. */
  get hasHiddenCause(): boolean {
    return this.#hadError && this.#options.live;
  }

  /** What to print for one more entry. */
  entry(entry: LogEntry): string {
    if (entry.level === "error") this.#hadError = true;
    if (isUserLine(entry)) return this.#userLine(entry);
    const text = this.#options.live ? oneLine(entry.text) : this.#harmless(entry.text);
    if (!this.#options.live) return this.#endLine() + this.#plainNotice(entry, text);
    const symbol = STATUS_SYMBOLS[entry.status];
    if (symbol === undefined) return this.#endLine() + this.#progress(entry, text);
    const mark = entry.level === "error" && !entry.statusEvent ? "failure" : symbol;
    return `${this.#endSpinner()}${this.#endLine()}${decorate(mark, text, this.#options.emoji)}\n`;
  }

  /** The next frame of the line being rewritten; empty when there is none. */
  tick(): string {
    if (this.#spinner === undefined) return "";
    this.#frame += 1;
    return this.#drawSpinner();
  }

  /** What to print when no more entries come: nothing is left half-written. */
  end(): string {
    const spinner = this.#spinner;
    this.#spinner = undefined;
    if (spinner === undefined || spinner.failed) return this.#endLine();
    return `${CLEAR_LINE}${this.#decorated("spark", `${title(spinner.status)}… ${spinner.message}`)}\n`;
  }

  #userLine(entry: LogEntry): string {
    const text = this.#harmless(entry.text);
    const before = this.#endSpinner();
    this.#midLine = entry.partial;
    return `${before}${text}${entry.partial ? "" : "\n"}`;
  }

  #harmless(text: string): string {
    return this.#options.onTerminal ? withoutCommands(text) : text;
  }

  #plainNotice(entry: LogEntry, text: string): string {
    if (!entry.statusEvent) return `${text}\n`;
    return `${this.#decorated(statusSymbol(entry.status), text)}\n`;
  }

  #progress(entry: LogEntry, text: string): string {
    const before = this.#spinner?.status === entry.status ? "" : this.#endSpinner();
    if (entry.level === "error") {
      this.#spinner = { status: entry.status, message: text, failed: true };
      return `${before}${CLEAR_LINE}${this.#decorated("failure", text)}\n`;
    }
    this.#spinner = { status: entry.status, message: text, failed: false };
    return before + this.#drawSpinner();
  }

  #drawSpinner(): string {
    const { emoji, columns } = this.#options;
    const spinner = this.#spinner;
    if (spinner === undefined || spinner.failed) return "";
    const frame = emoji ? `${SPINNER_FRAMES[this.#frame % SPINNER_FRAMES.length] ?? ""} ` : "";
    const text = plain(`${title(spinner.status)}… ${spinner.message}`, emoji);
    // A line that wraps could not be cleared again; symbols are two columns wide.
    return `${CLEAR_LINE}${frame}${text.slice(0, Math.max(columns - 4, 10))}`;
  }

  #endSpinner(): string {
    const spinner = this.#spinner;
    this.#spinner = undefined;
    if (spinner === undefined || spinner.failed) return "";
    return `${CLEAR_LINE}${this.#decorated("spark", `${title(spinner.status)}… done`)}\n`;
  }

  #endLine(): string {
    const cut = this.#midLine;
    this.#midLine = false;
    return cut ? "\n" : "";
  }

  #decorated(symbol: SymbolName, text: string): string {
    return decorate(symbol, text, this.#options.emoji);
  }
}

function isUserLine(entry: LogEntry): boolean {
  return !entry.statusEvent && entry.level === "";
}

/** `machine_requested` → `Machine_Requested`. */
function title(status: string): string {
  return status.replace(/(^|_)[a-z]/g, (start) => start.toUpperCase());
}
