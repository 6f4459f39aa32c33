"""Statements filled in C beside those filled in Python: the same bytes, the same errors, and nothing kept or lost."""

from __future__ import annotations

import enum
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mysql.connector.errors import ProgrammingError
from rdspool._driver import _compiled, compiled, literals, statements

PIECES, NAMES = [b"SELECT ", b", ", b""], ["a", "b"]


class Number(int):
    """An int of somebody's own, which can be written as it likes."""

    def __str__(self):
        return "0 OR 1=1"


class Colour(enum.IntEnum):
    RED = 3


def fill(pieces=PIECES, names=NAMES, values=None, number=2, literal=literals.literal):
    return _compiled.fill(pieces, names, {"a": 1, "b": 2} if values is None else values, number, literal)


INTEGERS = st.integers() | st.sampled_from(
    [sign * (1 << bits) + more for bits in (0, 31, 32, 63, 64) for sign in (1, -1) for more in (-1, 0, 1)]
)
VALUES = (
    INTEGERS
    | st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.sampled_from([Number(5), Colour.RED, "it's", "\\'; DROP TABLE t; --", Decimal("1.50"), object(), float("nan")])
)


def outcome(text, params, *, in_c):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compiled, "in_c", _compiled if in_c else None)
        try:
            return statements.template(text, params, lambda: "").filled(params)
        except ProgrammingError as error:
            return str(error)


@given(
    params=st.dictionaries(st.sampled_from("abcdé"), VALUES, min_size=1),
    names=st.lists(st.sampled_from("abcdé"), max_size=6),
)
def test_statements_are_the_same_in_c_and_in_python(params, names):
    """With a value that no name asks for, with a name that has no value, and with one that stands twice."""
    text = "SELECT 1" + "".join(f", %({name})s" for name in names)
    assert outcome(text, params, in_c=True) == outcome(text, params, in_c=False)


@given(params=st.lists(VALUES, min_size=1, max_size=4), placeholders=st.integers(1, 4))
def test_values_without_names_are_the_same(params, placeholders):
    text = "SELECT " + ", ".join(["%s"] * placeholders)
    assert outcome(text, tuple(params), in_c=True) == outcome(text, tuple(params), in_c=False)


@given(INTEGERS)
def test_an_int_is_written_as_python_writes_it(value):
    assert fill([b"<", b">"], ["a"], {"a": value}, 1) == b"<%d>" % value


@pytest.mark.parametrize("value", [True, Number(5), Colour.RED, "5", b"5", None, 1 << 63, -(1 << 63) - 1])
def test_all_else_is_written_by_literal(value):
    asked = []
    assert fill([b"<", b">"], ["a"], {"a": value}, 1, lambda one: (asked.append(one), b"x")[1]) == b"<x>"
    assert len(asked) == 1
    assert asked[0] is value


def test_the_error_of_literal_is_raised():
    with pytest.raises(ProgrammingError, match="object can't be sent"):
        fill(values={"a": 1, "b": object()})


@pytest.mark.parametrize("values", [{"a": 1}, {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 2}, {}])
def test_other_names_are_left_to_python(values):
    assert fill(values=values) is None


def test_a_literal_that_empties_the_values_hurts_nobody():
    values = {"a": "x" * 1000, "b": 2}
    assert fill(values=values, literal=lambda value: (values.clear(), value.encode())[1]) is None


@pytest.mark.parametrize(
    "given_",
    [
        {"pieces": [b"", b""]},
        {"pieces": (b"", b"", b"")},
        {"pieces": ["", "", ""]},
        {"names": ("a", "b")},
        {"names": [[], "b"]},
        {"values": ["a", "b"]},
        {"number": "2"},
        {"literal": None, "values": {"a": None, "b": None}},
        {"literal": str, "values": {"a": None, "b": None}},
    ],
)
def test_wrong_arguments_are_refused(given_):
    with pytest.raises((TypeError, SystemError, IndexError)):
        fill(**given_)
    with pytest.raises(TypeError):
        _compiled.fill(PIECES, NAMES, {}, 2)


def test_no_object_is_kept(objects_kept):
    """Each way through the code leaves as many objects as there were."""

    def once():
        fill()
        fill(values={"a": 1 << 70, "b": "text"})
        fill(values={"a": 1, "c": "x" * 50})
        for wrong in (
            {"pieces": [b"", b""]},
            {"values": {"a": 5, "b": object()}},
            {"values": {"a": 5, "b": 5, "c": 5}, "number": 3, "names": [5]},
        ):
            with suppress(ProgrammingError, IndexError):
                fill(**wrong)

    assert fill(values={"a": -5, "b": "x"}) == b"SELECT -5, 'x'"
    assert objects_kept(once, 200) < 100
