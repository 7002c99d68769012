import { describe, expect, it } from "vitest";
import { seededRandom } from "../random.ts";
import { fitKernel, logPosterior } from "./fit-kernel.ts";
import { GaussianProcess, matern52 } from "./gaussian-process.ts";
import { logExpectedImprovement } from "./expected-improvement.ts";

const pause = async (): Promise<void> => undefined;

describe("a Gaussian process", () => {
  it("goes through what it has seen and is unsure far from it", () => {
    const process = new GaussianProcess([[0.2], [0.4]], [1, -1], { lengths: [0.2], signal: 1, noise: 1e-8 });
    const [first, second, between, far] = process.predict([[0.2], [0.4], [0.3], [5]]);
    expect(first?.mean).toBeCloseTo(1, 4);
    expect(second?.mean).toBeCloseTo(-1, 4);
    expect(first?.deviation).toBeLessThan(1e-3);
    expect(between?.mean).toBeCloseTo(0, 6);
    expect(far?.mean).toBeCloseTo(0, 6);
    expect(far?.deviation).toBeCloseTo(1, 6);
  });

  it("bears the same point seen again and again", () => {
    const points = Array.from({ length: 20 }, () => [0.5, 0.5]);
    const process = new GaussianProcess(
      points,
      points.map(() => 1),
      { lengths: [1, 1], signal: 1, noise: 1e-6 },
    );
    expect(process.predict([[0.5, 0.5]])[0]?.mean).toBeCloseTo(1, 3);
  });

  it("correlates less with distance", () => {
    expect(matern52(0)).toBe(1);
    expect(matern52(1)).toBeCloseTo((1 + Math.sqrt(5) + 5 / 3) * Math.exp(-Math.sqrt(5)), 12);
    expect(matern52(100)).toBeCloseTo(0, 12);
  });
});

describe("fitting the kernel", () => {
  const random = seededRandom(3);
  const points = Array.from({ length: 15 }, () => [random(), random()]);
  const values = points.map(([x = 0]) => Math.sin(6 * x));
  const seen = { points, values };

  it("climbs along the true gradient", () => {
    const prior = Array.from({ length: 4 }, () => ({ mean: 0, deviation: 1, min: -9, max: 9 }));
    const logs = [-1, -0.5, 0.3, -4];
    const gradient = logPosterior(logs, seen, prior)?.gradient ?? [];
    for (const [place, slope] of gradient.entries()) {
      const at = (step: number): number =>
        logPosterior(
          logs.map((log, each) => (each === place ? log + step : log)),
          seen,
          prior,
        )?.height ?? Number.NaN;
      expect(slope).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 4);
    }
  });

  it("finds which dimension matters", async () => {
    const { lengths } = await fitKernel(seen, pause);
    expect(lengths[1] ?? 0).toBeGreaterThan(3 * (lengths[0] ?? Infinity));
  });
});

describe("expected improvement", () => {
  it("is a smooth number, however unlikely an improvement is", () => {
    const at = (mean: number): number => logExpectedImprovement({ mean, deviation: 1 }, 0);
    expect(at(0)).toBeCloseTo(Math.log(1 / Math.sqrt(2 * Math.PI)), 6);
    expect(at(10)).toBeCloseTo(Math.log(10), 6);
    for (let mean = -40; mean < 10; mean += 0.01) expect(at(mean + 0.01)).toBeGreaterThan(at(mean) - 0.002);
    expect(at(-40)).toBeLessThan(-800);
  });
});
