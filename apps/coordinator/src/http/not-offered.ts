/** What the historical clients may ask for and a farm of one's own machines does not have: said by name. Pure. */

const CLOUD = `This Spell runs on machines of your own: it has no cloud clusters and no model servers.
"spell machine-types" lists what runs may ask for.`.replace("\n", " ");

/** By the first word after the version in the path. */
const SENTENCES: Readonly<Record<string, string>> = {
  ...{ features: CLOUD, check_cli: CLOUD, clusters: CLOUD, model_servers: CLOUD },
  billing: "This Spell runs on machines of your own: there are no plans and no credits, and nothing is billed.",
  jupyter_workspaces: "This Spell offers no Jupyter workspaces: run a notebook as a script with spell run.",
  organizations: "This Spell has no organizations: each user owns their runs.",
};

/** The refusal of a path that is served by no route. */
export function notOffered(method: string, url: string): { status: string; error: string; code: string } {
  const path = url.split("?")[0] ?? "";
  const word = /^\/v1\/([a-z_]+)(?:\/|$)/.exec(path)?.[1] ?? "";
  const known = Object.hasOwn(SENTENCES, word) ? SENTENCES[word] : undefined;
  const error = known ?? `This version of Spell does not offer ${method} ${path.slice(0, 200)}.`;
  return { status: "error", error, code: "not-offered" };
}
