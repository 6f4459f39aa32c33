"""SQLAlchemy's dataclasses without `dataclasses`, which imports inspect: 8 ms of a cold start.

A class gets its __init__ here. Whatever else of a dataclass is used first makes it the real one.
"""

from __future__ import annotations

import sys

from . import made

TYPE_CHECKING = False  # typing takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_METHODS = ["__repr__", "__eq__"] + ["__replace__"] * (sys.version_info >= (3, 13))
_FROZEN = ["__hash__", "__setattr__", "__delattr__"]
_FACTS = ["__dataclass_fields__", "__dataclass_params__", "__match_args__"]


class _Fact:
    """An attribute of the class that the real dataclass has."""

    def __init__(self, make: Callable[[], type], name: str) -> None:
        self._make, self._name = make, name

    def __get__(self, instance: object, owner: type) -> Any:
        return getattr(self._make(), self._name)


def dataclass(frozen: bool = False) -> Callable[[type], type]:
    """Return the decorator for a class whose fields have no defaults, in the place of dataclasses.dataclass."""

    def decorate(cls: type) -> type:
        names = tuple(cls.__annotations__)
        assign = "set(self, {0!r}, {0})" if frozen else "self.{0} = {0}"
        text = f"def __init__(self, {', '.join(names)}):\n" + "".join(f" {assign.format(name)}\n" for name in names)
        namespace: dict[str, Any] = {"set": object.__setattr__, "__name__": cls.__module__}
        exec(made.compiled(text, f"<dataclass {cls.__module__}.{cls.__qualname__}>"), namespace)  # noqa: S102
        init = namespace["__init__"]
        init.__qualname__ = f"{cls.__qualname__}.__init__"
        init.__annotations__ = {**cls.__annotations__, "return": None}

        def make() -> type:
            for name in stubs:
                if cls.__dict__.get(name) is stubs[name]:
                    delattr(cls, name)
            from dataclasses import dataclass

            return dataclass(frozen=frozen)(cls)

        def stub(name: str) -> Any:
            return lambda *given: getattr(make(), name)(*given)

        stubs: dict[str, Any] = {name: _Fact(make, name) for name in _FACTS} | {name: stub(name) for name in _METHODS}
        stubs |= {name: stub(name) for name in _FROZEN} if frozen else {"__hash__": None}
        for name, value in {"__init__": init, **stubs}.items():
            setattr(cls, name, value)
        return cls

    return decorate
