/** A bug that we plant to see that the simulation finds it: a change of one file's text. */
export interface PlantedBug {
  name: string;
  /** What it breaks, in words. */
  breaks: string;
  /** Path in the repository. */
  file: string;
  /** There exactly once. */
  find: string;
  replace: string;
  /** Within so many seeds it must be found. */
  within: number;
}
