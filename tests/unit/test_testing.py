"""rdspool.testing without a server: the context of an invocation, and get_engine() on SQLite."""

import os
import sys

import pytest
from rdspool import deadlines, get_engine
from rdspool.testing import LambdaContext, in_sqlite, rolled_back
from rdspool.testing.database import NoDatabaseError, database, only
from sqlalchemy import exc, text


def test_the_context_is_a_deadline_in_its_block_only():
    assert deadlines.nearest() is None
    with LambdaContext(timeout=40, function_name="shop", memory_limit_in_mb=512) as context:
        assert 39 < deadlines.nearest(0.5).left() <= 39.5
        assert 39_000 < context.get_remaining_time_in_millis() <= 40_000
    assert deadlines.nearest() is None
    assert context.function_name == "shop"
    assert context.memory_limit_in_mb == "512"
    assert context.invoked_function_arn.endswith(":function:shop")
    assert context.aws_request_id != LambdaContext().aws_request_id


def test_the_context_ends_the_invocation_of_a_handler_that_fails_too():
    with pytest.raises(LookupError), LambdaContext():
        raise LookupError
    assert deadlines.nearest() is None


def test_no_time_is_left_after_the_end():
    context = LambdaContext(timeout=1e-9)
    assert context.get_remaining_time_in_millis() == 0
    assert "0 ms left" in repr(context)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_context_needs_time(timeout):
    with pytest.raises(ValueError, match="give a number of seconds above 0"):
        LambdaContext(timeout)


@pytest.fixture
def sqlite(tmp_path):
    """Let get_engine() be on SQLite, also as "reader"."""
    with only(database("sqlite", ["reader"]).variables), in_sqlite(tmp_path / "database"):
        yield


@pytest.mark.usefixtures("sqlite")
def test_engines_on_sqlite_share_a_database_and_check_foreign_keys():
    engine = get_engine(echo=False)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE a (id INT PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE b (id INT REFERENCES a (id))"))
        connection.execute(text("INSERT INTO a VALUES (1)"))
    with get_engine("reader").connect() as connection:
        assert connection.execute(text("SELECT id FROM a")).scalars().all() == [1]
    with pytest.raises(exc.IntegrityError), engine.begin() as connection:
        connection.execute(text("INSERT INTO b VALUES (2)"))
    assert get_engine() is engine


@pytest.mark.usefixtures("sqlite")
@pytest.mark.parametrize("level", ["AUTOCOMMIT", "READ COMMITTED"])
def test_engines_on_sqlite_take_mysqls_isolation_levels(level):
    with get_engine(isolation_level=level).connect() as connection:
        connection.execute(text("CREATE TABLE a (id INT PRIMARY KEY)"))
    with get_engine("reader").connect() as connection:
        there = connection.execute(text("SELECT count(*) FROM sqlite_master WHERE name = 'a'")).scalar_one()
    assert there == (level == "AUTOCOMMIT")


def methods_of(engine):
    """Return the methods that the engine's dialect has beside those of its class."""
    return {name: value for name, value in vars(engine.dialect).items() if callable(value) and hasattr(type(engine.dialect), name)}


@pytest.mark.usefixtures("sqlite")
@pytest.mark.parametrize("level", ["AUTOCOMMIT", "READ COMMITTED"])
def test_the_engine_is_as_before_after_a_block_that_was_rolled_back(level):
    engine = get_engine(isolation_level=level)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE a (id INT PRIMARY KEY)"))
    before = methods_of(engine)
    with rolled_back(engine), engine.connect() as connection:
        connection.execute(text("INSERT INTO a VALUES (1)"))
        connection.commit()
        assert connection.execute(text("SELECT count(*) FROM a")).scalar_one() == 1
    assert methods_of(engine) == before
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM a")).scalar_one() == 0


def test_a_named_database_stands_in_the_place_of_the_urls():
    made = database("mysql+rdspool://u:p@h:3307/shop?ca=/ca.pem", ["reader", "Reports=reports"])
    assert made.variables == {
        "RDSPOOL_URL": "mysql+rdspool://u:p@h:3307/shop?ca=/ca.pem",
        "RDSPOOL_READER_URL": "mysql+rdspool://u:p@h:3307/shop?ca=/ca.pem",
        "RDSPOOL_REPORTS_URL": "mysql+rdspool://u:p@h:3307/reports?ca=/ca.pem",
    }
    assert database("mysql://u@h", ["a=b"]).variables["RDSPOOL_A_URL"] == "mysql://u@h/b"


def test_only_the_tests_settings_are_in_the_environment(monkeypatch):
    monkeypatch.setenv("RDSPOOL_HOST", "production.test")
    monkeypatch.setenv("RDSPOOL_ROWS", "python")
    before = dict(os.environ)
    with only({"RDSPOOL_URL": "mysql://u@h/d", "AWS_REGION": "eu-west-1"}):
        found = {name: value for name, value in os.environ.items() if name.startswith("RDSPOOL_")}
        assert found == {"RDSPOOL_URL": "mysql://u@h/d", "RDSPOOL_ROWS": "python"}
    assert dict(os.environ) == before


def test_a_part_of_local_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymysql", None)
    monkeypatch.delitem(sys.modules, "local.endpoint", raising=False)
    with pytest.raises(NoDatabaseError, match="needs pymysql, which is not installed here"):
        database("local", [])
