/** A process's own log, as far as the history of a world wants it. */
import { messageOf } from "@spell/domain";
import type { Logger } from "@spell/logging";
import { Died, world } from "../world/world.ts";

export function simLogger(name: string): Logger {
  const say = (level: string) => (fields: unknown, text?: string) => {
    const { err } = (typeof fields === "object" && fields !== null ? fields : {}) as { err?: unknown };
    if (err instanceof Died) return;
    const why = err === undefined ? "" : `: ${messageOf(err)}`;
    world().history.tell(`${name} ${level}: ${text ?? String(fields)}${why}`);
  };
  const silent = (): void => undefined;
  const logger = { trace: silent, debug: silent, info: silent, warn: say("warns"), error: say("error") };
  return { ...logger, child: () => logger } as unknown as Logger;
}
