"""Imports modules and names when they are first used: what layer/imports/transforms puts in the place of import statements.

A stand-in lies in the namespace of the module that imports, not in sys.modules, so nobody else sees it. Its first use puts the real
module or function in its place.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType

from . import made

TYPE_CHECKING = False  # typing takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Module(ModuleType):
    """Stands for a module until one of its attributes is asked for."""

    __slots__ = ("_put",)

    def __init__(self, namespace: dict[str, Any], alias: str, name: str) -> None:
        super().__init__(name)
        object.__setattr__(self, "_put", (namespace, alias, name))

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        return _real(self).__dict__

    def __getattr__(self, attribute: str) -> Any:
        return getattr(_real(self), attribute)

    def __setattr__(self, attribute: str, value: Any) -> None:
        setattr(_real(self), attribute, value)

    def __delattr__(self, attribute: str) -> None:
        delattr(_real(self), attribute)

    def __dir__(self) -> list[str]:
        return dir(_real(self))


class Inspect(Module):
    """Stands for inspect, and answers without it what is asked while SQLAlchemy is imported."""

    CO_VARARGS, CO_VARKEYWORDS = 4, 8
    isbuiltin = staticmethod(lambda found: isinstance(found, BuiltinFunctionType))
    isclass = staticmethod(lambda found: isinstance(found, type))
    iscode = staticmethod(lambda found: isinstance(found, CodeType))
    isfunction = staticmethod(lambda found: isinstance(found, FunctionType))
    ismethod = staticmethod(lambda found: isinstance(found, MethodType))

    def get_annotations(self, found: Any, **options: Any) -> dict[str, Any]:
        """Return a function's annotations as inspect does."""
        if isinstance(found, FunctionType) and not options:
            return dict(found.__annotations__)
        answer: dict[str, Any] = _real(self).get_annotations(found, **options)
        return answer


class Pickle(Module):
    """Stands for pickle, and answers without it what SQLAlchemy's PickleType asks."""

    HIGHEST_PROTOCOL = 5


class Re(Module):
    """Stands for re while its module is imported, and answers with the regular expressions that the build compiled."""

    compile = staticmethod(made.expression)

    def __getattr__(self, attribute: str) -> Any:
        """Return a flag without putting re in the place of the stand-in: more expressions follow it."""
        return getattr(re, attribute) if attribute.isupper() else super().__getattr__(attribute)


_KNOWN = {"inspect": Inspect, "pickle": Pickle, "re": Re}


def _real(stand_in: Module) -> ModuleType:
    namespace, alias, name = stand_in._put
    module = import_module(name)
    if namespace.get(alias) is stand_in:
        namespace[alias] = module
    return module


def module(namespace: dict[str, Any], name: str, alias: str = "") -> Module:
    """Return what stands for the module `name` in `namespace`, under its own name or `alias`."""
    return _KNOWN.get(name, Module)(namespace, alias or name, name)


def function(namespace: dict[str, Any], name: str, origin: str) -> Callable[..., Any]:
    """Return a function that calls the one of this name of the module `origin`, and puts that in its place in `namespace`."""

    def stand_in(*arguments: Any, **options: Any) -> Any:
        real = getattr(import_module(origin), name)
        if namespace.get(name) is stand_in:
            namespace[name] = real
        return real(*arguments, **options)

    return stand_in


def names(package: str, origins: dict[str, str], submodules: str = "") -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a module's __getattr__ and __dir__ (PEP 562): they import `origins` ("module:attribute", by name) and the package's `submodules`."""
    known = dict.fromkeys(submodules.split())

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name in origins:
            module, _, attribute = origins[name].partition(":")
            found = getattr(import_module(module), attribute)
        elif name in known:
            found = import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules.get(package))
        return sys.modules[package].__dict__.setdefault(name, found)

    def __dir__() -> list[str]:  # noqa: N807
        return sorted({*sys.modules[package].__dict__, *origins, *known})

    return __getattr__, __dir__
