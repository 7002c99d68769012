/** Somebody who brings folders to a place and back: SpellFS with one of its stores, or a program it is measured beside. */

export interface Moved {
  ms: number;
  /** Of SpellFS alone. */
  sentBytes?: number;
  /** Of SpellFS alone: of the client or agent, and of the coordinator. */
  peaks?: readonly [own: number, coordinator?: number];
  steps?: readonly [name: string, ms: number][];
}

export interface Carrier {
  name: string;
  /** Brings the folder to the place of this name; what is there already need not go again. */
  send(folder: string, place: string): Promise<Moved>;
  /** Lays out what was sent there in a new folder. Undefined: it cannot, or that says nothing. */
  fetch?(place: string, target: string): Promise<Moved>;
}
