"""Check that the compiled part of rdspool is inside."""

from __future__ import annotations

from collections.abc import Iterator

from ..extension import PATH
from .finding import Contents, Finding


def compiled(contents: Contents) -> Iterator[Finding]:
    if PATH not in contents.inside:
        yield Finding("compiled", PATH, "is missing: rows would be read in Python, which takes three times as long")
