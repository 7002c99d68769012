/** What the record holds of links: short names that users gave to resource paths. */

export interface LinkRecord {
  owner: string;
  alias: string;
  /** `runs/12/save` or `uploads/data`; never another link. */
  resourcePath: string;
  createdAtMs: number;
}

export interface LinkStore {
  /** False when the owner has one of this alias. */
  addLink(link: LinkRecord): Promise<boolean>;
  findLink(owner: string, alias: string): Promise<LinkRecord | undefined>;
  /** By alias. */
  listLinks(owner: string): Promise<LinkRecord[]>;
  /** False when there was none. */
  removeLink(owner: string, alias: string): Promise<boolean>;
}
