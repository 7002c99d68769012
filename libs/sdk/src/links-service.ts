/** `client.links`: short names for resource paths. */
import { SpellError } from "@spell/domain";
import type { Link as LinkRecord } from "@spell/rpc";
import type { CallOptions, Connection } from "./connection.ts";

export interface Link {
  alias: string;
  /** Of a run or an upload. */
  resourcePath: string;
  createdAt: Date;
}

export class LinksService {
  readonly #connection: Connection;

  /** Made by SpellClient. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Throws `invalid-input` for a path that names nothing, `already-exists` for an alias that stands for something else. */
  async create(alias: string, resourcePath: string, options: CallOptions = {}): Promise<Link> {
    const client = this.#connection.links;
    const { link } = await this.#connection.unary(client.createLink.bind(client), { alias, resourcePath }, options);
    if (link === undefined) throw new SpellError("internal", "The coordinator answered without a link.");
    return toLink(link);
  }

  /** By alias. */
  async list(options: CallOptions = {}): Promise<Link[]> {
    const client = this.#connection.links;
    return (await this.#connection.unary(client.listLinks.bind(client), {}, options)).links.map(toLink);
  }

  /** Throws `not-found`. */
  async remove(alias: string, options: CallOptions = {}): Promise<void> {
    const client = this.#connection.links;
    await this.#connection.unary(client.deleteLink.bind(client), { alias }, options);
  }
}

function toLink({ alias, resourcePath, createdAtMs }: LinkRecord): Link {
  return { alias, resourcePath, createdAt: new Date(createdAtMs) };
}
