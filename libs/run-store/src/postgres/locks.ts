/** Advisory locks of the database: any numbers that nobody else takes. */

/** Held alone by whoever migrates. */
export const MIGRATING = 7_310_587_201;
/** Held with others by everybody who writes, alone by whoever replaces the record. */
export const IN_USE = 7_310_587_202;
/** Held for a moment by whoever makes the tables of leadership. */
export const COORDINATING = 7_310_587_203;
