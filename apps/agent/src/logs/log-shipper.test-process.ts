/**
 * A shipper in a process of its own, for tests that kill it: real NATS, segments as files. Arguments: a JSON object
 * { folder, servers, token, note?, finish? }. Prints `noted` when its notice has its place and `total N` when finished.
 */
import { access, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createNatsBus } from "@spell/event-bus/nats";
import { LogShipper } from "./log-shipper.ts";
import { notice } from "./log-shipper.test-support.ts";

interface Arguments {
  folder: string;
  servers: string[];
  token: string;
  note: string;
  finish: boolean;
}

const { folder, servers, token, note, finish } = JSON.parse(process.argv[2] ?? "{}") as Arguments;
const bus = createNatsBus({ servers, token, name: "shipper under test", role: "agent" });
const shipper = await LogShipper.open({
  runId: 7,
  attempt: 1,
  attemptDir: folder,
  spoolPath: join(folder, "spool"),
  bus,
  maxArchiveAgeMs: 30,
  archive: {
    store: async ({ firstNumber, bytes }) => {
      const path = join(folder, "segments", String(firstNumber));
      const known = await access(path).then(
        () => true,
        () => false,
      );
      if (known) return;
      await writeFile(`${path}.new`, bytes);
      await rename(`${path}.new`, path);
    },
  },
});
await shipper.note(notice(note));
process.stdout.write("noted\n");
if (finish) {
  process.stdout.write(`total ${await shipper.finish()}\n`);
  await shipper.stop();
  await bus.close();
}
