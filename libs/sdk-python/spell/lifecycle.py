"""Statuses of runs, and the reasons for which they end. Made by npm run codegen from the tables of libs/domain."""

from typing import Dict, Tuple

MACHINE_REQUESTED = "machine_requested"
BUILDING = "building"
MOUNTING = "mounting"
RUNNING = "running"
STOPPING = "stopping"
KILLING = "killing"
SAVING = "saving"
PUSHING = "pushing"
COMPLETE = "complete"
FAILED = "failed"
BUILD_FAILED = "build_failed"
MOUNT_FAILED = "mount_failed"
INTERRUPTED = "interrupted"
KILLED = "killed"
STOPPED = "stopped"

#: Statuses that never change again.
FINAL: Tuple[str, ...] = (
    COMPLETE,
    FAILED,
    BUILD_FAILED,
    MOUNT_FAILED,
    INTERRUPTED,
    KILLED,
    STOPPED,
)

#: Whose doing an end with this reason code was: the user's program, the will of the user, the operator's, or ours.
DOING: Dict[str, str] = {
    "exit-code": "program",
    "signal": "program",
    "out-of-memory": "program",
    "disk-quota": "program",
    "too-many-processes": "program",
    "stopped-by": "user",
    "stop-condition": "user",
    "timed-out": "user",
    "killed-by": "user",
    "cancelled-before-start": "user",
    "interrupted-by-operator": "operator",
    "agent-removed": "operator",
    "machine-reclaimed": "operator",
    "machine-rebooted": "operator",
    "agent-lost": "ours",
    "process-lost": "ours",
    "build-error": "ours",
    "start-failed": "ours",
    "mount-error": "ours",
    "save-error": "ours",
    "no-such-resource": "ours",
    "bytes-corrupt": "ours",
    "store-unavailable": "ours",
    "disk-full": "ours",
}
