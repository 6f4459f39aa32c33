"""Equal constants of an archive become one object, and nothing else changes."""

from __future__ import annotations

import marshal
import sys
from types import CodeType
from typing import Any

import pytest

from layer.building.imports.sharing import shared
from layer.errors import LayerError

SOURCE = '''
from __future__ import annotations
LIMIT = 10**40
class Pool:
    """A pool."""
    def get(self, name: Optional[str], *rest: int, timeout: float = 1.5, **options: Any) -> "Connection | None":
        values = [each for each in rest[1:-1] if each in {"a b", "c"}]
        def inner(x, /, y=(1, 2.0, ("ä", b"\\xff"))):
            nonlocal values
            return lambda: (x, y, values, self)
        try:
            return inner(name)
        except (KeyError, ValueError) as error:
            raise TypeError("\\ud800 no") from error
'''


def code(file: str) -> CodeType:
    made: CodeType = compile(SOURCE, file, "exec", dont_inherit=True)
    return made


def again(given: object) -> Any:
    return marshal.loads(shared(marshal.dumps(given)))  # noqa: S302


def walk(found: CodeType) -> list[CodeType]:
    return [found, *(inner for each in found.co_consts if isinstance(each, CodeType) for inner in walk(each))]


def everything(found: CodeType) -> list[tuple[Any, ...]]:
    """Return all that a code object shows, without the code objects in it."""
    names = [name for name in dir(found) if name.startswith("co_") and name not in ("co_consts", "co_lnotab")]
    return [
        *((name, list(value()) if callable(value := getattr(found, name)) else value) for name in names),
        ("co_consts", repr([each for each in found.co_consts if not isinstance(each, CodeType)])),
    ]


def test_code_is_the_same() -> None:
    given, found = walk(code("/opt/python/a.py")), walk(again({"a": (code("/opt/python/a.py"), True)})["a"][0])
    assert len(found) == len(given) > 4
    assert [everything(each) for each in found] == [everything(each) for each in given]
    namespace: dict[str, Any] = {}
    exec(again(code("a.py")), namespace)  # noqa: S102
    made = namespace["Pool"]().get("x")
    assert made()[:2] == ("x", (1, 2.0, ("ä", b"\xff")))
    assert list(made()[3].get.__annotations__) == ["name", "rest", "timeout", "options", "return"]


VALUES = (
    *(None, True, False, ..., StopIteration, 0, 1, -1, 2**31 - 1, -(2**31), 2**31, -(10**40), 0.0, -0.0, 1.0, float("inf"), 1j, "", "a"),
    *("x" * 255, "x" * 256, "ä" * 300, "\ud800", b"", b"a", b"a" * 300, (), (1,), tuple(range(300)), (1, (1.0, True)), frozenset({"a"})),
    *([], [1, [2]], {}, {"a": {1: None}}, {2}, 1, 1.0, True, "a b", "a b", (1, (1.0, True)), 0.0, -0.0),
)


def test_values_are_the_same_of_the_same_types() -> None:
    found = again(list(VALUES))
    assert [(type(each), repr(each)) for each in found] == [(type(each), repr(each)) for each in VALUES]


def test_equal_constants_are_one_object_also_across_code_objects() -> None:
    one, other = again([code("/opt/python/a.py"), code("/opt/python/b.py")])
    assert one is not other
    for mine, others in zip(walk(one), walk(other), strict=True):
        for name in ("co_names", "co_linetable", "co_exceptiontable", "co_name", "co_qualname"):
            assert getattr(mine, name) is getattr(others, name), name
        assert mine.co_filename != others.co_filename
        for const, same in zip(mine.co_consts, others.co_consts, strict=True):
            assert const is same or isinstance(const, (CodeType, int, float))
    before, after = (marshal.loads(made(marshal.dumps([code("a"), code("b")]))) for made in (bytes, shared))  # noqa: S302
    assert before[0].co_linetable is not before[1].co_linetable
    assert after[0].co_linetable is after[1].co_linetable


def test_what_can_change_stays_as_many_objects_as_it_was() -> None:
    twice: list[int] = [1]
    given = [twice, twice, [1], {}, {}, code("a"), code("a")]
    found = again(given)
    assert found == given
    assert found[0] is found[1]
    assert len({id(each) for each in found}) == 6


def test_interned_strings_are_interned() -> None:
    found = again((code("a"), "".join(["get", "_", "it"]), sys.intern("get_it")))
    assert found[0].co_names[0] is sys.intern(found[0].co_names[0])
    assert found[1] is found[2] is sys.intern("get_it")


def test_a_second_time_changes_nothing() -> None:
    once = shared(marshal.dumps({"a": code("a"), "values": list(VALUES)}))
    assert shared(once) == once


def test_a_slice_of_python_3_14_is_three_objects_and_one_constant() -> None:
    one = b":" + b"i\x01\0\0\0" + b"i\x02\0\0\0" + b"N"
    flagged = bytes([one[0] | 0x80]) + one[1:]
    assert shared(b")\x02" + one + one) == b")\x02" + flagged + b"r\0\0\0\0"


def test_an_unknown_type_fails_the_build() -> None:
    with pytest.raises(LayerError, match="marshal's type '!', which layer/building/imports/sharing.py does not know"):
        shared(b"(\x01\x00\x00\x00!")
