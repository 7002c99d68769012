"""How long to wait before asking again."""

import os


class Backoff:
    """Delays that double up to a limit, each shortened by chance by up to half, so that clients do not come in step."""

    def __init__(self, first_s: float = 0.1, limit_s: float = 2.0) -> None:
        self._first_s = first_s
        self._limit_s = limit_s
        self._current_s = first_s

    def next_delay_s(self) -> float:
        """Seconds to wait now; never less than half the first delay."""
        delay_s = self._current_s
        self._current_s = min(delay_s * 2, self._limit_s)
        # os.urandom and not random: importing random costs more than the rest of this package's logic.
        return delay_s * (0.5 + os.urandom(1)[0] / 510)

    def reset(self) -> None:
        """Start again from the first delay: the other side was well."""
        self._current_s = self._first_s
