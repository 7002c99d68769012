/** Shows how far a transfer is: on a terminal one line that changes, elsewhere a plain line now and then. Always on stderr. */
import type { DownloadProgress, UploadProgress } from "@spell/spellfs";
import type { SingleBar } from "cli-progress";
import { progressText } from "./progress-text.ts";
import type { TransferState } from "./progress-text.ts";
import { terminal } from "./terminal.ts";

/** What ends sooner is not worth a line. */
const QUIET_MS = 500;
/** On a terminal. */
const PER_SECOND = 10;
/** Elsewhere: a log file should stay readable. */
const PLAIN_EVERY_MS = 10_000;

/** One transfer after another of a command. Disposing takes the line away. */
export class Progress implements Disposable {
  readonly #silent: boolean;
  readonly #beganMs = performance.now();
  #transfer: { verb: string; beganMs: number } | undefined;
  #plainAtMs = this.#beganMs + PLAIN_EVERY_MS;
  #bar: SingleBar | undefined;
  #loading = false;
  #text = "";
  #over = false;

  /** `silent`: nothing is to be shown, such as with --json. */
  constructor({ silent }: { silent: boolean }) {
    this.#silent = silent;
  }

  /** How far it is now. */
  update(state: Omit<TransferState, "elapsedMs">): void {
    if (this.#silent) return;
    const nowMs = performance.now();
    if (this.#transfer?.verb !== state.verb) this.#transfer = { verb: state.verb, beganMs: nowMs };
    if (nowMs - this.#beganMs < QUIET_MS) return;
    const elapsedMs = nowMs - this.#transfer.beganMs;
    if (terminal.errorIsTty) this.#show(progressText({ ...state, elapsedMs }));
    else if (nowMs >= this.#plainAtMs) {
      this.#plainAtMs = nowMs + PLAIN_EVERY_MS;
      terminal.error(progressText({ ...state, elapsedMs }));
    }
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#bar?.stop();
  }

  #show(text: string): void {
    this.#text = text;
    if (this.#bar !== undefined) this.#bar.update(0);
    else if (!this.#loading) void this.#open();
  }

  /** Most commands transfer nothing that takes so long: they do not pay for loading it. */
  async #open(): Promise<void> {
    this.#loading = true;
    // As its default: of a bundled CommonJS package that is the only name.
    const { default: bars } = await import("cli-progress");
    if (this.#over) return;
    this.#bar = new bars.SingleBar({
      format: () => this.#text.slice(0, terminal.columns - 1),
      stream: process.stderr,
      fps: PER_SECOND,
      clearOnComplete: true,
      // ^C may end the process at once: nobody would show the cursor again, or have lines wrap.
      hideCursor: false,
      linewrap: true,
    });
    this.#bar.start(1, 0);
  }
}

/** Shows a folder being read. */
export function showReading(progress: Progress): (state: { fileCount: number; totalBytes: number }) => void {
  return ({ fileCount, totalBytes }) => progress.update({ verb: "Reading", doneBytes: totalBytes, fileCount });
}

/** Shows an upload. */
export function showUpload(progress: Progress): (state: UploadProgress) => void {
  return ({ uploadedBytes, totalBytes, uploadBlobs, knownBlobs }) =>
    progress.update({
      ...{ verb: "Uploading", doneBytes: uploadedBytes, totalBytes },
      ...{ fileCount: uploadBlobs, knownCount: knownBlobs },
    });
}

/** Shows a download. */
export function showDownload(progress: Progress): (state: DownloadProgress) => void {
  return ({ downloadedBytes, totalBytes, fileCount }) =>
    progress.update({ verb: "Downloading", doneBytes: downloadedBytes, totalBytes, fileCount });
}
