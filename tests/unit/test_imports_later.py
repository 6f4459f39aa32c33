"""What stands for modules and names until they are used."""

from __future__ import annotations

import inspect
import pickle
import re
import subprocess
import sys
import textwrap
import types
from types import SimpleNamespace

import pytest
from rdspool_imports import dataclass, later, made


def test_a_module_is_imported_when_an_attribute_is_asked_for(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    namespace = {}
    namespace["colorsys"] = stand_in = later.module(namespace, "colorsys")
    assert "colorsys" not in sys.modules
    assert isinstance(stand_in, types.ModuleType)
    assert stand_in.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    assert namespace["colorsys"] is sys.modules["colorsys"], "the real one is in its place"
    assert "rgb_to_hsv" in dir(stand_in)


def test_a_module_under_another_name_and_a_submodule():
    namespace = {}
    namespace["metadata"] = later.module(namespace, "importlib.metadata", "metadata")
    assert namespace["metadata"].version("SQLAlchemy")
    assert namespace["metadata"] is sys.modules["importlib.metadata"]


def test_what_is_set_on_the_stand_in_is_set_on_the_module(monkeypatch):
    import colorsys

    namespace = {}
    stand_in = later.module(namespace, "colorsys")
    monkeypatch.setattr(stand_in, "TWO_THIRD", 3, raising=True)
    assert colorsys.TWO_THIRD == 3
    monkeypatch.undo()
    assert pytest.approx(2 / 3) == colorsys.TWO_THIRD
    with pytest.raises(AttributeError):
        del stand_in.nothing
    with pytest.raises(AttributeError):
        _ = stand_in.nothing


def test_another_name_in_its_place_stays():
    namespace = {"colorsys": "the user's"}
    later.module(namespace, "colorsys").rgb_to_hsv(0, 0, 0)
    assert namespace == {"colorsys": "the user's"}


def test_a_function_is_imported_when_it_is_called():
    namespace = {}
    namespace["quote"] = stand_in = later.function(namespace, "quote", "urllib.parse")
    assert namespace["quote"]("a b", safe="") == "a%20b"
    assert namespace["quote"] is sys.modules["urllib.parse"].quote
    assert stand_in("ä") == "%C3%A4"


def test_names_of_a_package_are_imported_when_they_are_asked_for(monkeypatch):
    package = types.ModuleType("xml")
    monkeypatch.setitem(sys.modules, "xml", package)
    package.__getattr__, package.__dir__ = later.names("xml", {"quote": "urllib.parse:quote"}, "dom sax")
    from urllib.parse import quote

    assert package.quote is quote
    assert package.__dict__["quote"] is quote
    assert {"quote", "dom", "sax", "__name__"} <= set(dir(package))
    with pytest.raises(AttributeError, match="module 'xml' has no attribute 'nothing'"):
        _ = package.nothing


class Example:
    def method(self, first: int) -> str:
        """Return nothing."""


@pytest.mark.parametrize("found", [len, Example, Example.method, Example().method, Example.method.__code__, 5, lambda x: x, type])
def test_the_stand_in_for_inspect_answers_as_inspect(found):
    stand_in = later.Inspect({}, "inspect", "inspect")
    for name in ("isbuiltin", "isclass", "iscode", "isfunction", "ismethod"):
        assert getattr(stand_in, name)(found) == getattr(inspect, name)(found), name
    assert (stand_in.CO_VARARGS, stand_in.CO_VARKEYWORDS) == (inspect.CO_VARARGS, inspect.CO_VARKEYWORDS)
    if inspect.isfunction(found):
        assert stand_in.get_annotations(found) == inspect.get_annotations(found)


def test_other_questions_go_to_inspect_and_pickle():
    stand_in = later.module({}, "inspect")
    assert stand_in.get_annotations(Example.method, eval_str=True) == {"first": int, "return": str}
    assert str(stand_in.signature(Example.method)) == "(self, first: 'int') -> 'str'"
    assert later.module({}, "pickle").HIGHEST_PROTOCOL == pickle.HIGHEST_PROTOCOL
    assert later.module({}, "pickle").loads(pickle.dumps(5)) == 5


def test_the_stand_in_for_re_compiles_as_re_and_flags_leave_it_there():
    namespace = {}
    namespace["re"] = stand_in = later.module(namespace, "re")
    assert stand_in.compile("a(?P<b>.)", stand_in.I | stand_in.DOTALL) == re.compile("a(?P<b>.)", re.IGNORECASE | re.DOTALL)
    assert namespace["re"] is stand_in
    assert stand_in.sub("a", "b", "cac") == "cbc"
    assert namespace["re"] is re


def test_an_expression_that_the_build_compiled_is_not_compiled_again(monkeypatch):
    given = []
    monkeypatch.setattr(made, "_sre", SimpleNamespace(compile=lambda *arguments: given.append(arguments)))
    monkeypatch.setattr(made, "expressions", {("a+", 2): ("a+", 34, [1], 0, {}, (None,))})
    assert later.module({}, "re").compile("a+", re.IGNORECASE) is None
    assert given == [("a+", 34, [1], 0, {}, (None,))]
    assert made.expressions == {}


# -- types in quotes and named tuples -----------------------------------------------------------------------------------------------------

TYPES = """
from __future__ import annotations
import collections, inspect, sys, typing
from typing import Dict, Generic, NamedTuple, Optional, TypedDict, TypeVar, Union
from rdspool_imports import made
texts = ["Shape", "Optional[Shape]", "str", "Optional[Alias]", "lambda _cls, name, inner: _tuple_new(_cls, (name, inner))"]
compiled = []
if sys.argv[1] == "lent":
    made.evaluated.update({text: compile(text, "<string>", "eval") for text in texts})
    print(made.lend(), made.lend(), file=sys.stderr)
sys.addaudithook(lambda event, given: event == "compile" and compiled.append(given[0]))
T = TypeVar("T", bound="Shape")
Alias = Union["Shape", Dict[str, "Optional[Shape]"]]
class Shape(NamedTuple):
    name: str
    inner: Optional[Alias] = None
class Options(TypedDict, total=False):
    shape: Shape
class Holder(Generic[T]):
    pass
print(len(compiled), file=sys.stderr)
made.take_back()
print("compile" in vars(typing), "eval" in vars(collections), file=sys.stderr)
reference = Holder["Shape"].__args__[0]
print(Alias, T.__bound__, reference == typing.ForwardRef("Shape"), type(reference))
for found in (Shape, Options):
    print(found.__annotations__, typing.get_type_hints(found))
print(inspect.signature(Shape), Shape("a"), Shape("a", inner=None)._replace(name="b"), Shape.__new__.__qualname__, Shape.__new__.__defaults__, Shape.__new__.__code__)
try:
    typing.Optional["a b"]
except SyntaxError as error:
    print(error)
"""


def types_made(how):
    from layer.matrix import PROJECT

    environment = {"PYTHONPATH": str(PROJECT / "python")}
    ran = subprocess.run([sys.executable, "-c", TYPES, how], env=environment, capture_output=True, text=True, check=True)
    return re.sub("0x[0-9a-f]+", "0x", ran.stdout), ran.stderr.splitlines()


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="typing and collections compile nothing from Python 3.14 on")
def test_types_in_quotes_are_those_of_typing_and_are_not_compiled_again():
    ours, (lent, compiled, left) = types_made("lent")
    theirs, (times, _) = types_made("not")
    assert ours == theirs
    assert (lent, compiled, left) == ("True False", "0", "False False")
    assert int(times) > 5


# -- dataclasses --------------------------------------------------------------------------------------------------------------------------

CLASSES = textwrap.dedent("""
    from __future__ import annotations
    @dataclass(frozen=FROZEN)
    class Point:
        '''A point.'''
        x: int
        y: int
""")


def pair(frozen):
    """Return the class as the stand-in makes it, and as dataclasses does."""
    import dataclasses

    made = []
    for decorator in (dataclass.dataclass, dataclasses.dataclass):
        namespace = {"dataclass": decorator, "FROZEN": frozen, "__name__": __name__}
        exec(CLASSES, namespace)  # noqa: S102
        made.append(namespace["Point"])
    return made


ASKED = {
    "repr": lambda cls: repr(cls(1, y=2)),
    "equal": lambda cls: (cls(1, 2) == cls(1, 2), cls(1, 2) == cls(1, 3), cls(1, 2) != cls(1, 3)),
    "hash": lambda cls: hash(cls(1, 2)),
    "fields": lambda cls: [(field.name, field.type) for field in __import__("dataclasses").fields(cls)],
    "params": lambda cls: repr(cls.__dataclass_params__),
    "match": lambda cls: cls.__match_args__,
    "signature": lambda cls: str(inspect.signature(cls)),
    "replace": lambda cls: repr(__import__("dataclasses").replace(cls(1, 2), y=5)),
    "asdict": lambda cls: __import__("dataclasses").asdict(cls(1, 2)),
    "set": lambda cls: setattr(cls(1, 2), "x", 5),
    "delete": lambda cls: delattr(cls(1, 2), "x"),
    "missing": lambda cls: cls(1),
    "copy": lambda cls: vars(__import__("copy").copy(cls(1, 2))),
    "annotations": lambda cls: cls.__init__.__annotations__,
    "doc": lambda cls: cls.__doc__,
}


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("name", ASKED)
def test_a_dataclass_answers_as_one_of_dataclasses(name, frozen):
    answers = []
    for cls in pair(frozen):
        for _ in range(2):  # the second time, it is a real one
            try:
                answers.append(ASKED[name](cls))
            except (AttributeError, TypeError) as error:
                answers.append((type(error), str(error)))
    assert answers[0] == answers[1] == answers[2] == answers[3]


# -- annotated classes --------------------------------------------------------------------------------------------------------------------

ANNOTATED = """
import sys
sys.path.insert(0, {python!r})
import sqlalchemy.sql.annotation as a
from sqlalchemy.sql.elements import ColumnElement, ClauseList
from sqlalchemy.sql.selectable import FromClause
from sqlalchemy.util import walk_subclasses
names = lambda cls: [(c.__module__, c.__name__) for c in cls.__mro__]
stock = {{cls: (names(made), made.__dict__.get("inherit_cache"), made._is_column_operators) for cls, made in a.annotated_classes.items()}}
from rdspool_imports import annotated
import inspect
source = inspect.getsource(a._new_annotation_type)
assert source.count("for super_ in cls.__mro__:") == 1
namespace = dict(a.__dict__, __annotated=annotated, annotated_classes={{}})
source = source.replace("for super_ in cls.__mro__:", "for super_ in __annotated.supers(cls, _new_annotation_type):")
exec("from __future__ import annotations\\n" + source, namespace)
for root, base in ((ColumnElement, {column}), (FromClause, {from_}), (ClauseList, a.Annotated)):
    annotated.prepare(namespace, root, base)
assert len(namespace["annotated_classes"]) == 3
for cls in reversed(list(stock)):
    made = namespace["_new_annotation_type"](cls, a.Annotated)
    ours = names(made), made.__dict__.get("inherit_cache"), made._is_column_operators
    if ours != stock[cls]:
        print(cls, ours, stock[cls])
print(len(stock))
"""


def test_the_annotated_classes_are_those_of_sqlalchemy():
    from layer.matrix import PROJECT

    code = ANNOTATED.format(
        python=str(PROJECT / "python"),
        column="__import__('sqlalchemy.sql.elements').sql.elements.AnnotatedColumnElement",
        from_="__import__('sqlalchemy.sql.selectable').sql.selectable.AnnotatedFromClause",
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    assert ran.stdout.strip().isdecimal(), ran.stdout
    assert int(ran.stdout) > 100
