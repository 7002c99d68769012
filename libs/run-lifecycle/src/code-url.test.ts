import { describe, expect, it } from "vitest";
import { checkCodeRef, parseCodeUrl } from "./code-url.ts";

const refusal = (reason: string, message: RegExp = /^[A-Z"].+\.$/s): unknown =>
  expect.objectContaining({ code: "invalid-input", reason, message: expect.stringMatching(message) });

const thrown = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

describe("a URL of code", () => {
  it.each([
    ["https://github.com/user/char-rnn-tensorflow", "char-rnn-tensorflow"],
    ["https://github.com/user/repo.git", "repo"],
    ["https://github.com/user/repo.git/", "repo"],
    ["http://host:8080/repo?x=1", "repo"],
    ["git://host/a/b/my.repo", "my.repo"],
    ["ssh://git@host:22/~user/repo.git", "repo"],
    ["git@github.com:user/repo.git", "repo"],
    ["host:repo", "repo"],
    [" https://github.com/user/repo ", "repo"],
  ])("%s lies in %s", (url, name) => {
    expect(parseCodeUrl(url, [])).toMatchObject({ url: url.trim(), name });
  });

  it("is shown without its password", () => {
    const { url, shown } = parseCodeUrl("https://me:secret@host/a/repo", []);
    expect(url).toContain("secret");
    expect(shown).toBe("https://me@host/a/repo");
    expect(thrown(() => parseCodeUrl("gopher://me:secret@host/a", []))).not.toEqual(
      expect.objectContaining({ message: expect.stringContaining("secret") }),
    );
  });

  it.each([
    "",
    "-",
    "--upload-pack=touch /tmp/x",
    "-oProxyCommand=x:repo",
    "ssh://-oProxyCommand=x/repo",
    "ssh://git@-oProxyCommand=x/repo",
    "git@-oProxyCommand=x:repo",
    "ext::sh -c id",
    "ext::id",
    "EXT::id",
    "fd::17/x",
    "file:///etc/repo",
    "FILE:///etc/repo",
    "/etc/repo",
    "./repo",
    "../repo",
    "repo",
    "ftp://host/repo",
    "https://host/a b",
    "https://host/a\nrepo",
    "https://host/a\0repo",
    `https://host/${"a".repeat(2_000)}`,
  ])("%j is refused", (url) => {
    expect(thrown(() => parseCodeUrl(url, []))).toEqual(refusal("bad-git-url"));
  });

  it.each(["https://host/.git", "https://host/..", "https://host/.", "https://", "https://host/.GIT"])(
    "%s has no name for a folder",
    (url) => expect(thrown(() => parseCodeUrl(url, []))).toEqual(refusal("bad-code-root")),
  );

  it("may have another protocol when the operator allows it", () => {
    expect(parseCodeUrl("file:///srv/repo.git", ["file"])).toMatchObject({ name: "repo" });
    expect(parseCodeUrl("/srv/repo.git", ["file"])).toMatchObject({ name: "repo" });
    expect(thrown(() => parseCodeUrl("ext::id", ["file"]))).toEqual(refusal("bad-git-url"));
  });
});

describe("a ref of code", () => {
  it.each(["HEAD", "main", "v1.0", "feature/x", "refs/heads/main", "a".repeat(40), "größe", "user@fix"])(
    "%s",
    (ref) => {
      expect(checkCodeRef(ref)).toBe(ref);
    },
  );

  it("is HEAD when it is left out", () => expect(checkCodeRef("")).toBe("HEAD"));

  it.each([
    ...["-x", "--upload-pack=id", "+main", "main:refs/heads/x", "a..b", "HEAD^", "HEAD~1", "a*", "a?", "a[", "a\\b"],
    ...["@{u}", "a b", "a\n", "/a", "a/", "a//b", ".a", "a.", "a.lock", "a".repeat(251)],
  ])("%j is none", (ref) => expect(thrown(() => checkCodeRef(ref))).toEqual(refusal("bad-git-ref")));
});
