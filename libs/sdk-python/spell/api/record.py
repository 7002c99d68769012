"""What all records have in common: reading from JSON, equality, how they print."""

from typing import Any, Callable, ClassVar, Dict, List, Optional, Tuple, Type, TypeVar

from spell.api.exceptions import JsonDecodeError

R = TypeVar("R", bound="Record")
Reader = Callable[[Any], Any]


class Record:
    """A record with named fields. Two are equal if their identifying fields are; ``repr`` shows the truthy ones."""

    _fields: ClassVar[Tuple[Tuple[str, Reader], ...]] = ()
    _json_names: ClassVar[Dict[str, str]] = {}
    _identity: ClassVar[Tuple[str, ...]] = ("id",)

    def __init__(self, **values: Any) -> None:
        """Make a record by hand; fields not given are read as if the server had left them out."""
        for name, read in self._fields:
            setattr(self, name, values.pop(name) if name in values else read(None))
        if values:
            raise TypeError(f"{type(self).__name__} has no field {next(iter(values))!r}")

    @classmethod
    def from_json(cls: Type[R], data: Any) -> R:
        """Read a record. Raises :class:`JsonDecodeError` where a field it cannot do without is missing."""
        if not isinstance(data, dict):
            raise JsonDecodeError(f"Expected a {cls.__name__}, got {data!r}")
        record = cls.__new__(cls)
        for name, read in cls._fields:
            try:
                value = read(data.get(cls._json_names.get(name, name)))
            except JsonDecodeError as error:
                raise JsonDecodeError(f"{cls.__name__}.{name}: {error}") from error
            setattr(record, name, value)
        return record

    def __repr__(self) -> str:
        values = ((name, getattr(self, name)) for name, _ in self._fields)
        return "{}({})".format(type(self).__name__, ", ".join(f"{name}={value!r}" for name, value in values if value))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or type(other) is not type(self):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def _key(self) -> Tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self._identity)


def one(cls: Type[R]) -> Callable[[Any], Optional[R]]:
    """Reader of a field that holds a record or nothing."""
    return lambda value: cls.from_json(value) if isinstance(value, dict) else None


def many(cls: Type[R]) -> Callable[[Any], List[R]]:
    """Reader of a field that holds a list of records."""
    return lambda value: [cls.from_json(item) for item in value] if isinstance(value, list) else []
