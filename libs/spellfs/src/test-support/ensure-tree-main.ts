/** A process of its own that fills a cache, for tests that kill it: what it needs comes as JSON on its standard input. */
import { text } from "node:stream/consumers";
import type { Digest } from "@spell/domain";
import { openTreeCache } from "../cache.ts";
import type { ObjectSource, TreeTransport } from "../transport.ts";

interface Given {
  directory: string;
  root: Digest;
  /** Base64. */
  nodes: string[];
  objects: ObjectSource[];
}

const given = JSON.parse(await text(process.stdin)) as Given;
const transport: TreeTransport = {
  findMissing: () => Promise.reject(new Error("not used")),
  commitTree: () => Promise.reject(new Error("not used")),
  async *readTree() {
    await Promise.resolve();
    yield { nodes: given.nodes.map((node) => Buffer.from(node, "base64")), objects: given.objects };
  },
};
const cache = await openTreeCache({ directory: given.directory });
await cache.ensureTree(given.root, transport);
