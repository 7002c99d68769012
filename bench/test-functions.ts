/** Functions that optimisers are commonly held against, turned over so that their maximum is looked for. Pure. */

export interface TestFunction {
  name: string;
  dimensions: number;
  /** The largest value. */
  maximum: number;
  /** The value at a point of the unit cube. */
  at: (point: readonly number[]) => number;
}

const branin: TestFunction = {
  name: "Branin",
  dimensions: 2,
  maximum: -0.397887,
  at: ([u = 0, v = 0]) => {
    const [x, y] = [-5 + 15 * u, 15 * v];
    const bowl = y - (5.1 / (4 * Math.PI ** 2)) * x * x + (5 / Math.PI) * x - 6;
    return -(bowl * bowl + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10);
  },
};

/** Height of each hump, its narrowness along each dimension, and where it stands. */
const HUMPS = [
  { height: 1, narrow: [10, 3, 17, 3.5, 1.7, 8], top: [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886] },
  { height: 1.2, narrow: [0.05, 10, 17, 0.1, 8, 14], top: [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991] },
  { height: 3, narrow: [3, 3.5, 1.7, 10, 17, 8], top: [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665] },
  { height: 3.2, narrow: [17, 8, 0.05, 10, 0.1, 14], top: [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381] },
];

const hartmann6: TestFunction = {
  name: "Hartmann",
  dimensions: 6,
  maximum: 3.32237,
  at: (point) =>
    HUMPS.reduce((sum, { height, narrow, top }) => {
      const away = point.reduce((far, u, place) => far + (narrow[place] ?? 0) * (u - (top[place] ?? 0)) ** 2, 0);
      return sum + height * Math.exp(-away);
    }, 0),
};

const rosenbrock4: TestFunction = {
  name: "Rosenbrock",
  dimensions: 4,
  maximum: 0,
  at: (point) => {
    const x = point.map((u) => -2.048 + 4.096 * u);
    return -x.slice(1).reduce((sum, next, place) => {
      const here = x[place] ?? 0;
      return sum + 100 * (next - here * here) ** 2 + (1 - here) ** 2;
    }, 0);
  },
};

const ackley4: TestFunction = {
  name: "Ackley",
  dimensions: 4,
  maximum: 0,
  at: (point) => {
    const x = point.map((u) => -32.768 + 65.536 * u);
    const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const bowl = 20 * Math.exp(-0.2 * Math.sqrt(meanOf(x.map((value) => value * value))));
    return bowl + Math.exp(meanOf(x.map((value) => Math.cos(2 * Math.PI * value)))) - 20 - Math.E;
  },
};

export const TEST_FUNCTIONS: readonly TestFunction[] = [branin, hartmann6, rosenbrock4, ackley4];
