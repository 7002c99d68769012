"""The one exception the two programs turn into a short message and exit code 2."""


class UserError(Exception):
    """Something the user can put right; the text says what happened and what to do."""
