"""The base class of settings: what a frozen dataclass with keywords only would be, without `dataclasses`.

The import of `dataclasses` and what it imports, `inspect` above all, costs a cold start 8 ms.
"""

from __future__ import annotations

from typing import Any, NoReturn, dataclass_transform

from ..secret import Secret


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Record:
    """Holds the fields that a subclass annotates. One without a default must be given."""

    def __init__(self, **values: Any) -> None:
        cls = type(self)
        missing = [name for name in cls.__annotations__ if name not in values and not hasattr(cls, name)]
        unknown = values.keys() - cls.__annotations__.keys()
        if missing or unknown:
            raise TypeError(f"{cls.__name__}() {'needs' if missing else 'has no field'} {', '.join(sorted(missing or unknown))}")
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} can't be changed: make a new one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} can't be changed: make a new one")

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in type(self).__annotations__}

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, Record) and type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._values().items()))

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self._values().items() if not isinstance(value, Secret))
        return f"{type(self).__name__}({', '.join(shown)})"
