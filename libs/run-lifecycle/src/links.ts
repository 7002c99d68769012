/** Links: short names for resource paths. */
import type { LinkRecord, RunStore } from "@spell/run-store";
import { SpellError, checkAlias, formatResourcePath, invalidInput, notFound, parseResourcePath } from "@spell/domain";
import type { LocateDeps } from "./locate-resource.ts";
import { locateResource } from "./locate-resource.ts";
import type { Principal } from "./principal.ts";
import { requireOwner, requireUser } from "./principal.ts";

export class Links {
  readonly #deps: LocateDeps & { now(): number };

  constructor(deps: LocateDeps & { now(): number }) {
    this.#deps = deps;
  }

  /**
   * Gives a path a name; giving it once more is fine. A path through another link is kept as what that leads to. Throws already-exists for an alias in use,
   * invalid-input for a path that names nothing; a run that is still under way may be named.
   */
  async add(principal: Principal, alias: string, resourcePath: string): Promise<LinkRecord> {
    const { userName } = requireOwner(principal);
    checkAlias(alias);
    const path = await this.#direct(userName, resourcePath);
    const located = await locateResource(this.#deps, principal, path);
    if (located.kind === "missing" && located.code !== "conflict") throw noTarget(resourcePath, located.why);
    const link = { owner: userName, alias, resourcePath: path, createdAtMs: this.#deps.now() };
    if (await this.#links.addLink(link)) return link;
    const present = await this.#links.findLink(userName, alias);
    if (present?.resourcePath === path) return present;
    throw new SpellError("already-exists", `There is a link "${alias}" already: spell unlink ${alias} removes it.`, {
      reason: "alias-taken",
    });
  }

  async find(principal: Principal, alias: string): Promise<LinkRecord | undefined> {
    return this.#links.findLink(requireOwner(principal).userName, alias);
  }

  /** By alias. */
  async list(principal: Principal): Promise<LinkRecord[]> {
    return this.#links.listLinks(requireOwner(principal).userName);
  }

  /** Throws not-found. */
  async remove(principal: Principal, alias: string): Promise<void> {
    const { userName } = requireUser(principal);
    if (await this.#links.removeLink(userName, alias)) return;
    throw notFound(`There is no link "${alias}".`, "no-such-link");
  }

  get #links(): RunStore["links"] {
    return this.#deps.store.links;
  }

  /** The path of a run or an upload: links do not lead to links. */
  async #direct(owner: string, resourcePath: string): Promise<string> {
    const path = parseResourcePath(resourcePath);
    if (path.kind === "run" || path.kind === "upload") return formatResourcePath(path);
    if (path.kind !== "link") {
      throw noTarget(resourcePath, path.kind === "none" ? path.why : "name a run or an upload, or what lies in one");
    }
    const link = await this.#links.findLink(owner, path.alias);
    if (link === undefined) throw noTarget(resourcePath, `there is no link "${path.alias}"`);
    return path.path === "" ? link.resourcePath : `${link.resourcePath}/${path.path}`;
  }
}

function noTarget(resourcePath: string, why: string): SpellError {
  return invalidInput(`Cannot link to "${resourcePath}": ${why}.`, "no-such-resource");
}
