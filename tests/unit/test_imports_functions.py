"""The classes of SQL functions are made when they are asked for, and the dicts of them are complete whenever all of it is seen."""

from __future__ import annotations

import copy
import marshal
import pickle
import sys
import threading
import types

import pytest
from rdspool_imports import functions, made

STATEMENTS = {
    "one": "class one(Base):\n    kind = 'one'\n",
    "two": "class two(one): pass\n",
    "any_": "class any_(Base):\n    identifier = 'any'\n",
    "_two_func": "_two_func = list[two]\n",
}
BASE = """
class Base:
    def __init_subclass__(cls):
        identifier = cls.__dict__.get("identifier", cls.__name__)
        assert identifier not in registry
        registry[identifier] = cls
"""


@pytest.fixture
def module(monkeypatch):
    """Return a module whose classes are made later, with its registry."""
    name = "module_of_functions"
    found = types.ModuleType(name)
    found.__file__ = "/elsewhere/m.py"
    monkeypatch.setitem(sys.modules, name, found)
    codes = {each: marshal.dumps(compile(text, "/opt/m.py", "exec")) for each, text in STATEMENTS.items()}
    monkeypatch.setitem(made.later, name, codes)
    exec(BASE, vars(found))  # noqa: S102
    found.__getattr__, found.__dir__, found.registry = functions.prepare(vars(found), {"any": "any_"})
    return found


def there(module):
    return {name for name in STATEMENTS if name in vars(module)}


def test_a_class_is_made_when_it_is_asked_for_with_those_that_it_needs(module):
    assert there(module) == set()
    assert set(STATEMENTS) <= set(dir(module))
    assert module._two_func == list[module.two]
    assert there(module) == {"one", "two", "_two_func"}
    assert (module.one.__module__, module.one.__qualname__, module.one.kind) == ("module_of_functions", "one", "one")
    with pytest.raises(AttributeError, match="module 'module_of_functions' has no attribute 'nothing'"):
        _ = module.nothing


def test_all_names_are_imported_with_a_star(module):
    names = {}
    exec("from module_of_functions import *", names)  # noqa: S102
    assert {"one", "two", "any_", "registry"} <= set(names)
    assert "_two_func" not in names


def test_the_registry_finds_a_class_by_its_identifier(module):
    assert module.registry.get("nothing", 5) == 5
    assert "any_" not in module.registry
    assert 5 not in module.registry
    assert there(module) == set()
    assert module.registry.get("any") is module.any_
    assert "one" in module.registry
    assert there(module) == {"any_", "one"}
    assert module.registry["two"] is module.two
    with pytest.raises(KeyError, match="nothing"):
        _ = module.registry["nothing"]


SEEN = {
    "length": lambda found: len(found) == 3,
    "iteration": lambda found: set(found) == {"one", "two", "any"},
    "items": lambda found: len(dict(found.items())) == 3,
    "keys": lambda found: len(found.keys()) == 3,
    "values": lambda found: len(found.values()) == 3,
    "dict": lambda found: len(dict(found)) == 3,
    "stars": lambda found: len({**found}) == 3,
    "or": lambda found: len(found | {}) == len({} | found) == 3,
    "update": lambda found: (other := {}, other.update(found), len(other) == 3)[2],
    "copy": lambda found: len(found.copy()) == len(copy.copy(found)) == 3,
    "deep copy": lambda found: len(copy.deepcopy(found)) == 3 and type(copy.deepcopy(found)) is dict,
    "pickle": lambda found: len(pickle.loads(pickle.dumps(found))) == 3,  # noqa: S301
    "equality": lambda found: found == {**found} and found != {},
    "representation": lambda found: "any_" in repr(found),
    "truth": lambda found: bool(found),
    "reversed": lambda found: len([*reversed(found)]) == 3,
    "pop": lambda found: found.pop("one").kind == "one" and "one" not in found,
    "delete": lambda found: found.__delitem__("one") is None and "one" not in found and len(found) == 2,
    "clear": lambda found: found.clear() is None and "one" not in found and not found,
    "setdefault": lambda found: found.setdefault("one", 5).kind == "one",
}


@pytest.mark.parametrize("name", SEEN)
def test_whoever_sees_all_of_the_registry_sees_all_classes(module, name):
    assert SEEN[name](module.registry)


def test_threads_that_ask_at_the_same_time_get_one_class(module, monkeypatch):
    inside, go = threading.Event(), threading.Event()
    load = marshal.loads

    def slow(code):
        inside.set()
        assert go.wait(10)
        return load(code)

    monkeypatch.setattr(functions, "marshal", types.SimpleNamespace(loads=slow))
    found = []
    first = threading.Thread(target=lambda: found.append(module.one))
    second = threading.Thread(target=lambda: found.append(module.registry.get("one")))
    first.start()
    assert inside.wait(10)
    second.start()
    second.join(0.2)
    assert second.is_alive(), "it waits for the class"
    go.set()
    for thread in (first, second):
        thread.join(10)
    assert found == [module.one, module.one]


def test_a_class_whose_making_was_interrupted_is_made_the_next_time(module, monkeypatch):
    def interrupted(code):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(functions, "marshal", types.SimpleNamespace(loads=interrupted))
        with pytest.raises(KeyboardInterrupt):
            _ = module.one
    assert module.one.kind == "one"


def test_texts_are_found_by_the_class(module):
    texts = functions.texts(module, {"one": "ONE", "any_": "ANY"})
    assert texts.get(int) is None
    assert texts.get(type("one", (), {})) is None
    assert there(module) == set()
    assert texts[module.one] == "ONE"
    del texts[module.one]
    texts[module.any_] = "OTHER"
    assert texts == {module.any_: "OTHER"}
    assert texts.get(module.one) is None
