/** curl with the URLs that the directory store signs: what that store can do, without what SpellFS adds. */
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { isDigest } from "@spell/domain";
import { timeProcess } from "../time-process.ts";
import type { Carrier } from "./carrier.ts";
import { LARGE_FILE } from "./data.ts";
import type { SpellCarrier } from "./spell-carrier.ts";

/** Of the large file. What it fetches is what SpellFS sent to the same store in the first round. */
export function curlCarrier(ours: SpellCarrier, signal: AbortSignal): Carrier {
  const { trees } = ours.farm.client;
  const call = async (words: readonly string[]): Promise<{ ms: number }> => ({
    ms: await timeProcess("curl", ["-q", "-sSf", ...words], { cwd: "/", env: { PATH: process.env["PATH"] }, signal }),
  });
  let first: string | undefined;
  return {
    name: "curl",
    send: async (folder, place) => {
      first ??= place;
      const nobodys = randomBytes(32).toString("hex");
      if (!isDigest(nobodys)) throw new Error("no digest");
      const { targets } = await trees.findMissing({ digests: [nobodys], targets: 1 });
      return await call(["-H", "If-None-Match: *", "-T", join(folder, LARGE_FILE), targets[0]?.putUrl ?? ""]);
    },
    fetch: async (place, target) => {
      let url = "";
      for await (const part of trees.readTree({ digest: ours.rootOf(first ?? place), isFile: false })) {
        url = part.objects[0]?.getUrl ?? url;
      }
      await mkdir(target);
      return await call(["-o", join(target, LARGE_FILE), url]);
    },
  };
}
