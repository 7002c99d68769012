/**
 * The notice that this machine is about to be taken away: a file that whoever hears of it makes. Clouds say it in many ways (an
 * address that answers, a signal, an event); all of them are one line of a script that ends in `touch`.
 */
import { existsSync } from "node:fs";

/** Of a notice of half a minute a second is lost at most. */
const LOOK_EVERY_MS = 1_000;

/** Calls back once, as soon as the file is there. */
export function watchReclaimNotice(path: string, onNotice: () => void): void {
  const look = (): void => {
    if (!existsSync(path)) return;
    clearInterval(timer);
    onNotice();
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  look();
}
