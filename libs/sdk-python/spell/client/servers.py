"""Model servers, which scripts of the former Spell may name. They are not offered."""

from typing import Any, NoReturn

from spell.api.exceptions import ClientException


class ModelServersService:
    """Says, whatever it is asked for, that model servers are not offered."""

    REQUESTED = "requested"
    CREATED = "created"
    STARTING = "starting"
    RUNNING = "running"
    UPDATING = "updating"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILING = "failing"
    FAILED = "failed"

    def serve(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise :class:`~spell.api.exceptions.ClientException`."""
        _not_offered()

    def get(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise :class:`~spell.api.exceptions.ClientException`."""
        _not_offered()

    def list(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise :class:`~spell.api.exceptions.ClientException`."""
        _not_offered()

    def rm(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise :class:`~spell.api.exceptions.ClientException`."""
        _not_offered()


def _not_offered() -> NoReturn:
    raise ClientException(
        "Spell does not offer model servers. Run your own server as a run (client.runs.new), "
        "or fetch the model with ModelVersion.download and serve it elsewhere."
    )
