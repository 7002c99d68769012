/** SpellFS on both drivers of the object store, beside the programs that people use to bring files elsewhere. */
import { join } from "node:path";
import { startMinio } from "@spell/testing";
import { startFarm } from "./farm.ts";
import type { Bench, Section } from "./measurement.ts";
import type { Carrier } from "./spellfs/carrier.ts";
import { curlCarrier } from "./spellfs/curl-carrier.ts";
import { measureLargeFile } from "./spellfs/large-file.ts";
import { measureLimits } from "./spellfs/limits.ts";
import { measureMountOutput } from "./spellfs/mount-output.ts";
import { preparePeers } from "./spellfs/peers.ts";
import { isInstalled } from "./spellfs/programs.ts";
import { measureSmallFiles } from "./spellfs/small-files.ts";
import { startSpellCarrier } from "./spellfs/spell-carrier.ts";

const TREE = {
  title: "2,000 files, 50 MB",
  files: { count: 2_000, bytesEach: 25_000 },
  bars: { firstMs: 900, unchangedMs: 60, changedMs: 80 },
  whole: false,
};
const MANY = {
  title: "20,000 files of 4 KiB",
  files: { count: 20_000, bytesEach: 4_096 },
  bars: { firstMs: 2_000, unchangedMs: 300 },
  whole: true,
};

export async function measureSpellfs(bench: Bench): Promise<Section[]> {
  const { folder, signal } = bench;
  await using minio = await startMinio();
  const s3 = {
    SPELL_S3_ENDPOINT: minio.endpoint,
    SPELL_S3_ACCESS_KEY: minio.accessKey,
    SPELL_S3_SECRET_KEY: minio.secretKey,
  };
  await using onDirectory = await startFarm(join(folder, "farm on a folder"), [], signal);
  await using onMinio = await startFarm(join(folder, "farm on MinIO"), [], signal, s3);
  const whileUp = AbortSignal.any([signal, onDirectory.lost, onMinio.lost]);
  const own = { ...bench, farm: onDirectory, signal: whileUp };
  await using directory = await startSpellCarrier({
    name: "spell, directory",
    farm: onDirectory,
    folder: join(folder, "of directory"),
    signal: whileUp,
  });
  await using s3Store = await startSpellCarrier({
    name: "spell, MinIO",
    farm: onMinio,
    folder: join(folder, "of MinIO"),
    signal: whileUp,
  });
  await using peers = await preparePeers({ folder: join(folder, "peers"), minio, signal: whileUp });
  const named = (name: string): Carrier[] => peers.carriers.filter((peer) => peer.name === name);
  const everybody = { ours: [directory, s3Store], peers: peers.carriers };
  const curl = isInstalled("curl") ? [curlCarrier(directory, whileUp)] : [];
  const sections = [
    ...(await measureSmallFiles(own, everybody, TREE)),
    ...(await measureSmallFiles(own, everybody, MANY)),
    ...(await measureLargeFile(own, [
      { ours: directory, peers: [...curl, ...named("cp -a")] },
      { ours: s3Store, peers: named("rclone to MinIO") },
    ])),
    ...(await measureMountOutput(own)),
    ...(await measureLimits(own)),
  ];
  const remarks = [...peers.remarks, ...(curl.length === 0 ? ["Without curl: apt-get install curl"] : [])];
  const last = sections.at(-1);
  if (last !== undefined) last.lines.push(...remarks);
  return sections;
}
