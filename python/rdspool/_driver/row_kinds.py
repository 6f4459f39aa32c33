"""Cursors whose rows are dicts or named tuples."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

from .columns import Column
from .cursors import Cursor
from .result_sets import ResultSet


class Dicts(Cursor):
    _whole = False

    def _made(self, found: list[Any], result_set: ResultSet) -> list[Any]:
        return _dicts(result_set.columns, super()._made(found, result_set))


class NamedTuples(Cursor):
    _whole = False

    def _made(self, found: list[Any], result_set: ResultSet) -> list[Any]:
        return _named_tuples(result_set.columns, super()._made(found, result_set))


class DictCursor(Dicts):
    """As Cursor; rows are dicts by the columns' names."""


class NamedTupleCursor(NamedTuples):
    """As Cursor; rows are named tuples."""


def _dicts(columns: Sequence[Column], found: list[Any]) -> list[Any]:
    names = [column.name for column in columns]
    return [dict(zip(names, row, strict=True)) for row in found]


def _named_tuples(columns: Sequence[Column], found: list[Any]) -> list[Any]:
    # A name that is no identifier becomes _0, _1, ...: collections.namedtuple's rename.
    kind = namedtuple("Row", [column.name for column in columns], rename=True)  # type: ignore[misc]
    return [kind._make(row) for row in found]
