/** `--github-repo LABEL=URL[:REF]`: code that the coordinator fetches, by a label. Pure. */
import { argumentError } from "../exit-codes.ts";

export interface GithubRepoOption {
  label: string;
  githubUrl: string;
  /** Undefined: the default branch. */
  githubRef?: string;
}

/** Parses one option. The colons of `https://`, of a port and of `git@host:path` part no ref. Throws exit code 3. */
export function parseGithubRepoOption(text: string): GithubRepoOption {
  const [, label = "", rest = ""] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (label.trim() === "" || rest === "") {
    throw argumentError(
      `--github-repo "${text}" cannot be understood: write --github-repo LABEL=URL, for example --github-repo lib=https://github.com/USER/REPOSITORY.`,
    );
  }
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(rest)?.[0] ?? "";
  // The path begins behind the first slash, or, without a scheme, behind the colon that ends the host.
  const path = scheme === "" ? rest.indexOf(":") : rest.indexOf("/", scheme.length);
  const colon = path === -1 ? -1 : rest.indexOf(":", path + 1);
  if (colon === -1) return { label, githubUrl: rest };
  const githubRef = rest.slice(colon + 1);
  if (githubRef === "") throw argumentError(`--github-repo "${text}": the ref behind the last colon is empty.`);
  return { label, githubUrl: rest.slice(0, colon), githubRef };
}
