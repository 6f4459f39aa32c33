import pytest
from handler import engine, handler
from sqlalchemy import create_engine, inspect, text


@pytest.fixture(autouse=True)
def database(rdspool_engine):
    """Leave an empty database: DDL can't be rolled back."""
    yield
    with rdspool_engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS notes, alembic_version"))


def columns():
    found = inspect(engine)
    return [column["name"] for column in found.get_columns("notes")] if found.has_table("notes") else []


def test_an_empty_database_gets_all_migrations(lambda_context):
    assert handler({}, lambda_context) == {"from": None, "to": "second"}
    assert columns() == ["id", "text", "day"]


def test_a_second_invocation_has_nothing_to_do(lambda_context):
    handler({}, lambda_context)
    assert handler({}, lambda_context) == {"from": "second", "to": "second"}


def test_step_by_step(lambda_context):
    assert handler({"revision": "first"}, lambda_context) == {"from": None, "to": "first"}
    assert columns() == ["id", "text"]
    assert handler({}, lambda_context) == {"from": "first", "to": "second"}
    assert columns() == ["id", "text", "day"]


def test_two_invocations_do_not_migrate_at_once(lambda_context):
    other = create_engine(engine.url, creator=engine.pool._creator)
    with other.connect() as connection:
        connection.execute(text("SELECT GET_LOCK('migrations', 0)"))
        with pytest.raises(RuntimeError, match="another invocation migrates"):
            handler({}, lambda_context)
        assert columns() == []
    other.dispose()
    assert handler({}, lambda_context)["to"] == "second"
