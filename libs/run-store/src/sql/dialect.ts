/** Where the databases' SQL differs. All else is written in what they have in common. */

export interface Dialect {
  /** A text member of a JSON column. */
  member(column: string, name: string): string;
  /** The texts in a JSON array, as a subquery with one column `value`. */
  texts(json: string): string;
  /** The same of whole numbers. */
  numbers(json: string): string;
  /** Whether a column is the next value but for the case of ASCII letters. */
  sameButForCase(column: string): string;
}
