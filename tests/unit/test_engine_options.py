"""Each argument of SQLAlchemy's create_engine() is passed on by get_engine(), or left out for a reason that stands here."""

from __future__ import annotations

import inspect
import typing

import pytest
from rdspool import Settings, SettingsError, pool
from rdspool.dialect import RdspoolDialect
from rdspool.engine import ENGINE_OPTIONS
from rdspool.engine_options import EngineOptions
from rdspool.settings import SETTING_NAMES
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine, make_url

NOT_PASSED_ON = {
    "compiler_linting": "create_engine() sets it, from enable_from_linting",
    "connect_args": "create_engine() ignores it where there is a creator, and rdspool's connects",
    "deadline_margin": "RDSPOOL_DEADLINE_MARGIN_MS sets it, for the connections too",
    "convert_unicode": "no dialect of 2.0 and later takes it",
    "creator": "rdspool's own: it signs in",
    "engine_name": "get_engine()'s own name, for the pool's error",
    "dbapi": "create_engine() sets it, from the dialect",
    "dialect": "create_engine() gives it to the pool",
    "future": "there is no other way any more than True",
    "implicit_returning": "deprecated: it has no effect any more",
    "is_mariadb": "the server says so",
    "max_identifier_length": "the servers' own limit is known; nobody has asked for another",
    "module": "rdspool's driver is the module",
    "paramstyle": "the driver's own",
    "pool": "get_engine() makes the pool",
    "pool_events": "sqlalchemy.event listens to an engine's pool at any time",
    "pool_pre_ping": "the pool looks at each connection by itself, without a round trip while it is hot",
    "poolclass": "rdspool's own: it says what waiting in vain means in a function",
    "server_side_cursors": "deprecated: the execution option stream_results, or yield_per, says it for a statement",
    "supports_native_boolean": "the servers have none",
    "url": "get_engine() takes it apart: each part is a setting",
}
POOLS_OWN_NAMES = {"deadline_margin", "engine_name", "pool_size", "max_overflow", "creator", "dialect"}
"""The pool's arguments that create_engine() takes under the same name; `echo` is echo_pool there, and all others get a pool_ before them."""


def parameters(function):
    """Return the names of a function's arguments that can be given by keyword."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {name for name, parameter in inspect.signature(function).parameters.items() if parameter.kind in kinds} - {"self"}


def of_constructors(cls):
    """Return the names of the arguments of a class's constructors, those of its base classes too, without private ones."""
    inits = [vars(base)["__init__"] for base in cls.__mro__[:-1] if "__init__" in vars(base)]
    return {name for init in inits for name in parameters(init) if not name.startswith("_")}


def taken_by_create_engine():
    names = of_constructors(RdspoolDialect)
    for name in of_constructors(pool.EnginePool):
        names.add(name if name in POOLS_OWN_NAMES else "echo_pool" if name == "echo" else f"pool_{name}")
    typed = [parameters(overload) for overload in typing.get_overloads(create_engine)]
    assert len(typed) == 2, "SQLAlchemy declares create_engine() in another way than before: see what that changes here"
    return names.union(*typed)


def test_what_is_passed_on_is_an_argument_of_create_engine():
    assert taken_by_create_engine() >= ENGINE_OPTIONS


def test_every_argument_is_passed_on_or_a_setting_or_left_out_for_a_reason():
    ways = (ENGINE_OPTIONS, set(SETTING_NAMES), set(NOT_PASSED_ON))
    undecided = {name for name in taken_by_create_engine() if not any(name in way for way in ways)}
    assert not undecided, "pass them on, or say in this file why not"


@pytest.mark.parametrize("engine", [None, "reader"])
def test_an_argument_as_a_variable_leads_to_the_argument_and_to_no_setting(engine):
    options = taken_by_create_engine() - {*SETTING_NAMES, "url"}
    assert options >= ENGINE_OPTIONS
    for option in options:
        variable = f"RDSPOOL_{'' if engine is None else 'READER_'}{option.upper()}"
        with pytest.raises(SettingsError, match=f"^{variable} is no setting of rdspool") as caught:
            Settings.load(environ={variable: "1"})
        told = str(caught.value)
        assert "RDSPOOL_" not in told.removeprefix(variable)
        if option in ENGINE_OPTIONS:
            assert f"call get_engine({'' if engine is None else chr(34) + 'reader' + chr(34) + ', '}{option}=...)" in told


def test_a_misspelt_argument_as_a_variable_leads_to_the_argument():
    with pytest.raises(
        SettingsError, match=r"RDSPOOL_POOL_SISE is no setting of rdspool \(did you mean get_engine\(pool_size=\.\.\.\)\?\)"
    ):
        Settings.load(environ={"RDSPOOL_POOL_SISE": "1"})


def test_an_argument_in_a_url_leads_to_the_argument():
    with pytest.raises(
        SettingsError, match=r"RDSPOOL_URL has the option 'pool_size', which is an argument: call get_engine\(pool_size=\.\.\.\)"
    ):
        Settings.load(environ={"RDSPOOL_URL": "mysql://app@h/db?pool_size=1"})


def test_type_checkers_see_the_same_arguments():
    assert set(EngineOptions.__annotations__) == {*ENGINE_OPTIONS, *SETTING_NAMES, "url"}


def test_no_argument_goes_two_ways():
    assert not ENGINE_OPTIONS & set(SETTING_NAMES)
    assert not ENGINE_OPTIONS & NOT_PASSED_ON.keys()
    assert not set(SETTING_NAMES) & NOT_PASSED_ON.keys()


def test_no_reason_stands_for_what_is_no_argument():
    assert NOT_PASSED_ON.keys() <= taken_by_create_engine()


@pytest.mark.parametrize(
    ("name", "value"),
    [("echo_pool", False), ("label_length", 20), ("pool_size", 2), ("skip_autocommit_rollback", True), ("query_cache_size", 0)],
)
def test_the_names_above_are_those_that_create_engine_takes(name, value):
    """The pool, the dialect and the engine take one of these each."""
    assert name in ENGINE_OPTIONS
    url = make_url("mysql+rdspool://app@db.c1abc.eu-central-1.rds.amazonaws.com/app")
    assert isinstance(create_engine(url, poolclass=pool.EnginePool, **{name: value}), Engine)
    with pytest.raises(TypeError, match="Invalid argument"):
        create_engine(url, poolclass=pool.EnginePool, **{f"{name}s": value})
