/**
 * A Gaussian process with zero mean and a Matérn 5/2 kernel: what is known of a function at some points says what to expect
 * of it elsewhere, and how surely. Pure. After Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006.
 */
import { CholeskyDecomposition, Matrix } from "ml-matrix";

/** A point of the unit cube. */
export type Point = readonly number[];

/** What the function is assumed to be like. */
export interface Kernel {
  /** How far one goes along each dimension until the function is another. */
  lengths: readonly number[];
  /** Variance of the function. */
  signal: number;
  /** Variance of what is added to it at each look. */
  noise: number;
}

/** Added where rounding makes a matrix lose its positive definiteness, as shares of the signal. */
const JITTERS = [1e-10, 1e-8, 1e-6, 1e-4];
const SQRT_5 = Math.sqrt(5);

/** The distance of two points, each dimension in units of its length. */
export function scaledDistance(left: Point, right: Point, lengths: readonly number[]): number {
  let sum = 0;
  for (const [dimension, length] of lengths.entries()) {
    sum += (((left[dimension] ?? 0) - (right[dimension] ?? 0)) / length) ** 2;
  }
  return Math.sqrt(sum);
}

/** The correlation of two values at a scaled distance. */
export function matern52(distance: number): number {
  const r = SQRT_5 * distance;
  return (1 + r + (r * r) / 3) * Math.exp(-r);
}

/** Everything that follows from the points and the kernel alone. */
export interface Covariance {
  inverse: Matrix;
  logDeterminant: number;
}

/** Undefined when the points cannot be told apart even with the largest jitter. */
export function covariance(points: readonly Point[], kernel: Kernel): Covariance | undefined {
  const size = points.length;
  const matrix = Matrix.zeros(size, size);
  for (const [row, left] of points.entries()) {
    for (let column = 0; column < row; column += 1) {
      const value = kernel.signal * matern52(scaledDistance(left, points[column] ?? left, kernel.lengths));
      matrix.set(row, column, value);
      matrix.set(column, row, value);
    }
  }
  for (const jitter of JITTERS) {
    for (let place = 0; place < size; place += 1) matrix.set(place, place, kernel.signal * (1 + jitter) + kernel.noise);
    const cholesky = new CholeskyDecomposition(matrix);
    if (!cholesky.isPositiveDefinite()) continue;
    const logDeterminant =
      2 * cholesky.lowerTriangularMatrix.diagonal().reduce((sum, value) => sum + Math.log(value), 0);
    if (Number.isFinite(logDeterminant)) return { inverse: cholesky.solve(Matrix.eye(size)), logDeterminant };
  }
  return undefined;
}

/** The process once it has seen values at points. */
export class GaussianProcess {
  readonly #points: readonly Point[];
  readonly #kernel: Kernel;
  readonly #inverse: Matrix;
  readonly #weights: Matrix;

  constructor(points: readonly Point[], values: readonly number[], kernel: Kernel) {
    const known = covariance(points, kernel);
    if (known === undefined) throw new Error("the points of a Gaussian process cannot be told apart");
    this.#points = points;
    this.#kernel = kernel;
    this.#inverse = known.inverse;
    this.#weights = known.inverse.mmul(Matrix.columnVector([...values]));
  }

  /** What to expect at each of the points. */
  predict(points: readonly Point[]): { mean: number; deviation: number }[] {
    const { signal, lengths } = this.#kernel;
    const near = Matrix.zeros(this.#points.length, points.length);
    for (const [row, seen] of this.#points.entries()) {
      for (const [column, point] of points.entries()) {
        near.set(row, column, signal * matern52(scaledDistance(seen, point, lengths)));
      }
    }
    const means = near.transpose().mmul(this.#weights);
    const explained = Matrix.mul(near, this.#inverse.mmul(near)).sum("column");
    return points.map((_, column) => ({
      mean: means.get(column, 0),
      deviation: Math.sqrt(Math.max(signal - (explained[column] ?? 0), 1e-12 * signal)),
    }));
  }
}
