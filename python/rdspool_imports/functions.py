"""SQLAlchemy's classes of SQL functions, each made when it is asked for. Each has some 57 classes above it, in all of which Python looks for its
special methods."""

from __future__ import annotations

import marshal
from _thread import RLock

from . import made
from .finder import moved

TYPE_CHECKING = False  # typing takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


class Later(dict):  # type: ignore[type-arg]
    """A dict whose items are put into it when one of them is asked for, and all of them when anything else is."""

    __slots__ = ("_fill", "_find")

    def __init__(self, find: Callable[[Any], object], fill: Callable[[], object]) -> None:
        self._find, self._fill = find, fill

    def __contains__(self, key: object) -> bool:
        if not super().__contains__(key):
            self._find(key)
        return super().__contains__(key)

    def __missing__(self, key: Any) -> Any:
        if key in self:
            return super().__getitem__(key)
        raise KeyError(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the item, or the default where there is none."""
        return super().get(key, default) if key in self else default

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


def _filled(name: str) -> Callable[..., Any]:
    def method(self: Later, *arguments: Any, **options: Any) -> Any:
        self._fill()
        return getattr(dict, name)(self, *arguments, **options)

    method.__name__ = name
    return method


for _name in (
    *("__delitem__", "__eq__", "__ior__", "__iter__", "__len__", "__ne__", "__or__", "__repr__", "__reversed__", "__ror__"),
    *("clear", "copy", "items", "keys", "pop", "popitem", "setdefault", "update", "values"),
):
    setattr(Later, _name, _filled(_name))


def prepare(namespace: dict[str, Any], identifiers: dict[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]], Later]:
    """Return __getattr__ and __dir__ of the module of functions, and its registry of functions.

    `identifiers` are those of functions whose class has another name.
    """
    module = namespace["__name__"]
    pending = made.later.pop(module, {})
    known = {name.lower(): name for name in pending if not name.startswith("_")}
    for identifier, name in identifiers.items():
        if known.pop(name, None):
            known[identifier] = name
    lock = RLock()

    def make(name: str) -> None:
        with lock:  # a second thread that asks for it waits until it is there
            code = pending.pop(name, None)
            if code is None:
                return
            try:
                statement = moved(marshal.loads(code), namespace["__file__"])  # noqa: S302  the layer's own
                for needed in pending.keys() & set(statement.co_names):
                    make(needed)
                exec(statement, namespace)  # noqa: S102
            except BaseException:  # such as a signal's
                pending[name] = code
                raise

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name == "__all__":  # `from ... import *` asks for it, and would else take only what is there
            return [each for each in __dir__() if not each.startswith("_")]
        make(name)
        if name in namespace:
            return namespace[name]
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)

    def __dir__() -> list[str]:  # noqa: N807
        return sorted({*namespace, *pending})

    def find(identifier: object) -> None:
        # A class registers itself while it is made.
        if isinstance(identifier, str) and identifier in known:
            make(known[identifier])

    def fill() -> None:
        for name in known.values():
            make(name)

    return __getattr__, __dir__, Later(find, fill)


def texts(functions: ModuleType, names: dict[str, str]) -> Later:
    """Return the dict of the texts of functions by their class. `names` has them by the name of the class."""
    done: set[str] = set()

    def find(cls: Any) -> None:
        name = getattr(cls, "__name__", "")
        if name in names and name not in done and vars(functions).get(name) is cls:
            dict.setdefault(found, cls, names[name])
            done.add(name)

    def fill() -> None:
        for name in names:
            find(getattr(functions, name))

    found = Later(find, fill)
    return found
