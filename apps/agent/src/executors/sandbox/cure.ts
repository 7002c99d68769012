/** Says what to do when a machine cannot make sandboxes. */

/** The sentence for the operator, from what bwrap said in a trial. */
export function cureFor(problem: string, folder: string): string {
  if (
    /new namespace|uid map|gid map|user namespace|Operation not permitted|Permission denied/i.test(problem) &&
    !/overlay/.test(problem)
  ) {
    return `${problem} Let ordinary users make namespaces (sysctl kernel.unprivileged_userns_clone=1, and on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or run the agent as root; in a container also with --privileged.`;
  }
  if (/overlay/.test(problem)) {
    return `${problem} The agent's data folder must lie on a file system that can hold an overlay's upper layer, such as ext4, xfs or btrfs, and not inside a container's own layer: ${folder} does not.`;
  }
  return `${problem} Runs can do without a sandbox by --executor process, which isolates nothing.`;
}
