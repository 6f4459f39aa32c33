"""SQLAlchemy makes an Annotated class for each of its elements when it is imported. Here each is made when it is asked for."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_order: dict[type, int] = {}
"""The elements, numbered in the order in which SQLAlchemy makes their classes: a class derives from one that is there before it."""


def prepare(namespace: dict[str, Any], root: type, base: type) -> None:
    """Make the class of a hierarchy's root. Those below it are made when they are needed, or asked for by name as a pickle does."""
    for cls in namespace["util"].walk_subclasses(root):
        _order.setdefault(cls, len(_order))
    make: Callable[..., type] = namespace["_new_annotation_type"]
    make(root, base)

    def __getattr__(name: str) -> Any:  # noqa: N807
        # The last one of a name, as in SQLAlchemy, where each takes the place of the one before.
        for cls in reversed(_order):
            if name == f"Annotated{cls.__name__}":
                return make(cls, None)
        function = getattr(sys.modules.get("sqlalchemy.sql.functions"), name.removeprefix("Annotated"), None)
        if name.startswith("Annotated") and isinstance(function, type):
            return make(function, None)
        raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")

    namespace["__getattr__"] = __getattr__


def supers(cls: type, make: Callable[..., type]) -> Iterator[type]:
    """Yield the classes among which SQLAlchemy looks for the Annotated class to derive from, those that it has made before made."""
    number = _order.get(cls, len(_order))
    for above in cls.__mro__:
        if _order.get(above, -1) < number:
            if above in _order:
                make(above, None)
            yield above
