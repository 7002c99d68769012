"""What all records have in common: reading from JSON, equality, how they print."""

from typing import Any, Callable, ClassVar, Dict, List, Optional, Tuple, Type, TypeVar

from spell.api.exceptions import JsonDecodeError

R = TypeVar("R", bound="Record")
Reader = Callable[[Any], Any]


class Record:
    """A record with named fields. Two are equal if their compared fields are; ``repr`` shows the truthy ones."""

    _fields: ClassVar[Tuple[Tuple[str, Reader], ...]] = ()
    """In the order they print."""
    _positions: ClassVar[Tuple[str, ...]] = ()
    """In the order the constructor takes them; by default as they print."""
    _json_names: ClassVar[Dict[str, str]] = {}
    _compared: ClassVar[Tuple[str, ...]] = ("id",)

    def __init__(self, *values: Any, **named: Any) -> None:
        """Make a record by hand: values are taken as they are, fields not given as if the server had left them out.

        Names that are no fields are passed over, so that a record can be made of a newer server's answer.
        """
        names = self._positions or tuple(name for name, _ in self._fields)
        if len(values) > len(names):
            raise TypeError(f"{type(self).__name__} takes at most {len(names)} values, not {len(values)}")
        given = dict(zip(names, values))
        for name in given:
            if name in named:
                raise TypeError(f"{type(self).__name__} got two values for {name!r}")
        given.update(named)
        for name, read in self._fields:
            json_name = self._json_names.get(name, name)
            if name in given:
                value = given[name]
            elif json_name in given:
                value = given[json_name]
            else:
                value = self._absent(read)
            # A list or mapping given as None is an empty one, as it is in answers.
            setattr(self, name, self._absent(read) if value is None else value)

    @staticmethod
    def _absent(read: Reader) -> Any:
        try:
            return read(None)
        except JsonDecodeError:
            return None

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
        return all(getattr(self, name) == getattr(other, name) for name in self._compared)

    def __hash__(self) -> int:
        # The first compared field is a number, a text or a time in every record; others may be lists.
        return hash((type(self), getattr(self, self._compared[0])))


def one(cls: Type[R]) -> Callable[[Any], Optional[R]]:
    """Reader of a field that holds a record or nothing."""
    return lambda value: cls.from_json(value) if isinstance(value, dict) else None


def many(cls: Type[R]) -> Callable[[Any], List[R]]:
    """Reader of a field that holds a list of records."""
    return lambda value: [cls.from_json(item) for item in value] if isinstance(value, list) else []
