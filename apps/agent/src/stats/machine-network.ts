/** What has passed the machine's network interfaces: runs share them. */
import { readFileSync } from "node:fs";

export interface Traffic {
  receivedBytes: number;
  sentBytes: number;
}

/** Traffic inside the machine: its own loop, and bridges and cables of containers, whose bytes pass a real interface too. */
const INSIDE = /^(?:lo|veth.*|docker\d+|br-.*|virbr\d+|cni\d+|flannel.*)$/;

/** Since the machine started. Nothing where /proc is not Linux's. */
export function machineTraffic(path = "/proc/net/dev"): Traffic {
  try {
    return parseTraffic(readFileSync(path, "utf8"));
  } catch {
    return { receivedBytes: 0, sentBytes: 0 };
  }
}

/** Lines such as `eth0: 12 0 0 0 0 0 0 0 34 …`: the first number came in, the ninth went out. */
export function parseTraffic(table: string): Traffic {
  const sum: Traffic = { receivedBytes: 0, sentBytes: 0 };
  for (const line of table.split("\n")) {
    const match = /^\s*([^\s:]+):\s*(\d+)(?:\s+\d+){7}\s+(\d+)/.exec(line);
    if (match?.[1] === undefined || INSIDE.test(match[1])) continue;
    sum.receivedBytes += Number(match[2]);
    sum.sentBytes += Number(match[3]);
  }
  return sum;
}
