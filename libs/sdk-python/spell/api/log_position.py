"""Where a reader of a log stands, so that a broken stream goes on with the next entry: none twice, none left out."""

from typing import Optional

from spell.api.exceptions import JsonDecodeError
from spell.api.models import LogEntry
from spell.api.session import JsonObject


class LogPosition:
    """``offset`` is the index of the first entry still wanted; negative: that many entries from the end."""

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def accept(self, event: JsonObject) -> Optional[LogEntry]:
        """Move past an event of the stream and return its entry, or None if it has none or it was seen before.

        Every entry's event names the offset after it. Raises :class:`JsonDecodeError` where that is no offset.
        """
        data = event.get("log_entry")
        entry = None if data is None else LogEntry.from_json(data)
        if "next_offset" not in event:
            if entry is not None and self.offset >= 0:
                self.offset += 1
            return entry
        next_offset = event["next_offset"]
        if not isinstance(next_offset, int) or isinstance(next_offset, bool) or next_offset < 0:
            raise JsonDecodeError(f"Missing log stream offset: got {next_offset!r}")
        if next_offset <= self.offset:
            return None
        self.offset = next_offset
        return entry
