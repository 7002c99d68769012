"""How ``spell ps`` shows statuses. Programs that watch runs take :data:`status_names` for "has not started yet"."""

status_names = {
    "user_requested": "Requested",
    "machine_requested": "Queued",
    "build_failed": "Build Failed",
    "mount_failed": "Mount Failed",
}
"""Status → what it is shown as. Statuses that are not listed are shown in title case."""
