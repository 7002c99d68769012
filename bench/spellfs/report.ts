/** What was measured as lines: ours with bars and ratios, the peers below, where the time goes, memory and sent bytes. */
import type { Figure } from "../figure.ts";
import { atMost, comparedWith, durations, figureTable } from "../figure.ts";
import type { Section } from "../measurement.ts";
import { median } from "../statistics.ts";
import type { Samples } from "./alternate.ts";
import type { Moved } from "./carrier.ts";

/** Most of memory that any work may take, MiB. */
const PEAK_MEBIBYTES = 256;

export interface Judged {
  /** SpellFS's carriers; the others are peers. */
  ours: readonly string[];
  /** Most milliseconds. */
  barMs?: number;
  /** A share of the speed of the fastest of these peers, in percent, is the bar; 100: to be ahead of all of them. */
  beside?: { peers: readonly string[]; percent: number };
  /** Most bytes that may leave the client. */
  sentBytes?: number;
}

/** A table of one piece of work, fastest peer's ratio in each of our rows. */
export function reportWork(title: string, samples: Samples, judged: Judged): Section {
  const timed = (name: string): Figure =>
    durations(
      name,
      (samples.get(name) ?? []).map(({ ms }) => ms),
    );
  const peers = [...samples.keys()].filter((name) => !judged.ours.includes(name)).map(timed);
  const figures = judged.ours.flatMap((name) => {
    const moved = samples.get(name) ?? [];
    const time = withBar(timed(name), peers, judged);
    return [time, ...sizesOf(name, moved, judged)];
  });
  const all = [...figures, ...peers.map((peer) => ({ ...peer, name: `  ${peer.name}` }))];
  const steps = judged.ours.flatMap((name) => stepLine(name, samples.get(name) ?? []));
  return { title, lines: [...figureTable(all), ...steps], figures: all };
}

function withBar(figure: Figure, peers: readonly Figure[], { barMs, beside }: Judged): Figure {
  const rivals = beside === undefined ? peers : peers.filter(({ name }) => beside.peers.includes(name));
  const fastest = rivals.toSorted((left, right) => left.p50 - right.p50)[0];
  const compared = fastest === undefined ? figure : comparedWith(figure, fastest, fastest.name);
  if (barMs !== undefined) return { ...compared, bar: atMost(figure, { p50: barMs }) };
  if (beside === undefined || fastest === undefined) return compared;
  const text = beside.percent === 100 ? `ahead of ${fastest.name}` : `≥ ${beside.percent} % of ${fastest.name}`;
  return { ...compared, bar: { text, reached: figure.p50 <= (fastest.p50 * 100) / beside.percent } };
}

function sizesOf(name: string, moved: readonly Moved[], { sentBytes }: Judged): Figure[] {
  const rows: Figure[] = [];
  const sent = moved.flatMap((each) => each.sentBytes ?? []);
  if (sentBytes !== undefined && sent.length > 0) {
    const figure = { name: `  sent (${name})`, unit: "KiB", p50: median(sent) / 1024, samples: sent.length } as const;
    rows.push({ ...figure, bar: { text: `≤ ${Math.round(sentBytes / 1000)} kB`, reached: median(sent) <= sentBytes } });
  }
  const peaks = moved.flatMap(({ peaks }) => (peaks === undefined ? [] : [peaks]));
  if (peaks.length > 0) {
    const [own, coordinator] = [0, 1].map((side) => Math.max(...peaks.map((peak) => peak[side] ?? 0)));
    for (const [who, mebibytes = 0] of [
      ["own process", own],
      ["coordinator", coordinator],
    ] as const) {
      const figure = { name: `  peak memory: ${who}`, unit: "MiB", p50: mebibytes, samples: peaks.length } as const;
      if (mebibytes > 0) rows.push({ ...figure, bar: atMost(figure, { p50: PEAK_MEBIBYTES }) });
    }
  }
  return rows;
}

/** Means, so that the steps add up. */
function stepLine(name: string, moved: readonly Moved[]): string[] {
  const sums = new Map<string, number>();
  for (const { steps = [] } of moved) for (const [step, ms] of steps) sums.set(step, (sums.get(step) ?? 0) + ms);
  if (sums.size === 0) return [];
  const parts = [...sums].map(([step, ms]) => `${step} ${(ms / moved.length).toFixed(0)} ms`);
  return [`${name}: ${parts.join(", ")}`];
}
