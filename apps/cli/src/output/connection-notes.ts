/** What one who follows a run is told of a connection that is lost meanwhile. */
import { terminal } from "./terminal.ts";

/** An absence shorter than this is a restart and not worth a word. */
const MENTION_LOSS_AFTER_MS = 2_000;

/** Says on stderr when the coordinator has been away for a while, and when it is back. */
export function connectionNotes(): { changed: (state: "lost" | "back") => void; stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let mentioned = false;
  return {
    changed: (state) => {
      clearTimeout(timer);
      if (state === "lost") {
        timer = setTimeout(() => {
          mentioned = true;
          terminal.note("info", "Lost the connection to Spell; looking for it again. The run is not affected.");
        }, MENTION_LOSS_AFTER_MS);
      } else if (mentioned) {
        mentioned = false;
        terminal.note("info", "Connected again.");
      }
    },
    stop: () => clearTimeout(timer),
  };
}
