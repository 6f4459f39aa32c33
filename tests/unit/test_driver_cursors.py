"""The cursors of PEP 249 over a socket pair: what is sent, what is fetched, and what each says of the last statement."""

from __future__ import annotations

import pytest
from fake_server import AUTOCOMMIT, BINARY, LONGLONG, MORE_RESULTS, column, numbers, ok, refusal, result, row
from mysql.connector.constants import FieldFlag
from mysql.connector.errors import IntegrityError, InterfaceError, OperationalError, ProgrammingError
from rdspool import ProtocolError
from rdspool._driver.batches import BATCH_BYTES

pytestmark = pytest.mark.usefixtures("each_decoder")

MORE = AUTOCOMMIT | MORE_RESULTS
ALL_KINDS = [
    {},
    {"dictionary": True},
    {"named_tuple": True},
    {"buffered": False},
    {"buffered": False, "dictionary": True},
    {"buffered": False, "named_tuple": True},
]
TWO = result([column("id", LONGLONG, charset=BINARY), column("name")], [row(b"1", b"a"), row(b"2", None)], warnings=3)


def chained(*results):
    return [payload for one in results for payload in one]


def plain(rows, kind):
    """Return rows as tuples, whatever a cursor makes of them."""
    return [tuple(found.values()) if kind.get("dictionary") else tuple(found) for found in rows]


@pytest.fixture(params=ALL_KINDS, ids=lambda kind: "-".join(kind) or "plain")
def kind(request):
    return request.param


@pytest.fixture(params=[{}, {"buffered": False}], ids=["buffered", "streaming"])
def reading(request):
    return request.param


# -- fetching ------------------------------------------------------------------------------------------------------------------------


def test_rows_of_each_kind(connect, kind):
    connection, server = connect()
    server.will_answer(TWO)
    cursor = connection.cursor(**kind)
    assert cursor.execute("SELECT id, name FROM t") is None
    assert cursor.with_rows
    assert cursor.column_names == ("id", "name")
    assert [found[:2] for found in cursor.description] == [("id", LONGLONG), ("name", 253)]
    first, second = cursor.fetchall()
    if kind.get("dictionary"):
        assert (first, second) == ({"id": 1, "name": "a"}, {"id": 2, "name": None})
    else:
        assert (first, second) == ((1, "a"), (2, None))
    if kind.get("named_tuple"):
        assert (first.id, first.name, second.name) == (1, "a", None)
    assert cursor.rowcount == 2
    assert cursor.warning_count == 3
    assert cursor.fetchall() == []
    assert cursor.fetchone() is None
    assert cursor.fetchmany(5) == []


def test_rows_one_by_one(connect, kind):
    connection, server = connect()
    server.will_answer(numbers(*range(10)))
    cursor = connection.cursor(**kind)
    cursor.execute("SELECT n")
    found = [cursor.fetchone()]
    found += cursor.fetchmany()
    cursor.arraysize = 3
    found += cursor.fetchmany()
    found += cursor.fetchmany(2)
    assert cursor.fetchmany(0) == []
    found += list(cursor)
    assert plain(found, kind) == [(n,) for n in range(10)]
    assert cursor.fetchone() is None
    assert cursor.rowcount == 10


def test_a_cursor_is_its_own_iterator(connect, kind):
    connection, server = connect()
    server.will_answer(numbers(1, 2, 3))
    cursor = connection.cursor(**kind)
    cursor.execute("SELECT n")
    assert iter(cursor) is cursor
    assert plain([next(cursor)], kind) == [(1,)]
    assert plain([cursor.fetchone()], kind) == [(2,)]
    assert plain(list(cursor), kind) == [(3,)]
    with pytest.raises(StopIteration):
        next(cursor)


def test_fetchall_returns_the_rows_that_are_left(connect, kind):
    connection, server = connect()
    server.will_answer(numbers(1, 2, 3))
    cursor = connection.cursor(**kind)
    cursor.execute("SELECT n")
    cursor.fetchone()
    assert plain(cursor.fetchall(), kind) == [(2,), (3,)]


def test_an_empty_result(connect, kind):
    connection, server = connect()
    server.will_answer(numbers())
    cursor = connection.cursor(**kind)
    cursor.execute("SELECT n FROM t WHERE FALSE")
    assert cursor.with_rows
    assert cursor.fetchone() is None
    assert cursor.fetchall() == []
    assert cursor.rowcount == 0


def test_raw_values_are_bytes(connect, reading):
    connection, server = connect()
    server.will_answer(TWO)
    cursor = connection.cursor(raw=True, **reading)
    cursor.execute("SELECT")
    assert cursor.fetchall() == [(b"1", b"a"), (b"2", None)]


def test_names_that_are_no_identifiers_are_numbered_in_named_tuples(connect):
    connection, server = connect()
    server.will_answer(result([column("COUNT(*)"), column("class"), column("a"), column("a")], [row(b"1", b"2", b"3", b"4")]))
    cursor = connection.cursor(named_tuple=True)
    cursor.execute("SELECT")
    (found,) = cursor.fetchall()
    assert found._fields == ("_0", "_1", "a", "_3")


def test_the_description_says_what_can_be_null(connect):
    connection, server = connect()
    server.will_answer(result([column("a", flags=FieldFlag.NOT_NULL), column("b")], []))
    cursor = connection.cursor()
    cursor.execute("SELECT")
    assert [found[6] for found in cursor.description] == [False, True]


def test_a_value_that_cant_be_read_closes_the_connection(connect, kind):
    connection, server = connect()
    server.will_answer(result([column("n", LONGLONG)], [row(b"1"), row(b"x")]))
    cursor = connection.cursor(**kind)
    with pytest.raises(ProtocolError, match=r"column 'n' .*b'x'"):
        cursor.execute("SELECT n")
        cursor.fetchall()
    assert connection.closed
    assert connection.lost


# -- statements ----------------------------------------------------------------------------------------------------------------------


def test_a_statement_without_rows_has_counts_and_nothing_to_fetch(connect, kind):
    connection, server = connect()
    server.will_answer([ok(3, 1 << 40, warnings=2)])
    cursor = connection.cursor(**kind)
    cursor.execute("INSERT ...")
    assert (cursor.rowcount, cursor.lastrowid, cursor.warning_count) == (3, 1 << 40, 2)
    assert not cursor.with_rows
    assert cursor.description is None
    assert cursor.column_names == ()
    if kind.get("buffered", True):
        for fetch in (cursor.fetchone, cursor.fetchall, cursor.fetchmany):
            with pytest.raises(InterfaceError, match="no result to fetch from"):
                fetch()
    else:  # SQLAlchemy fetches from a stream before it looks for columns
        assert (cursor.fetchone(), cursor.fetchall(), cursor.fetchmany()) == (None, [], [])


def test_a_cursor_before_its_first_statement(connect, kind):
    connection, _ = connect()
    cursor = connection.cursor(**kind)
    assert (cursor.rowcount, cursor.lastrowid, cursor.warning_count, cursor.statement, cursor.arraysize) == (-1, None, 0, None, 1)
    assert cursor.connection is connection
    with pytest.raises(InterfaceError):
        cursor.fetchone()
    cursor.setinputsizes([1])
    cursor.setoutputsize(1)


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        (None, b"SELECT %s, '%s'"),
        ((), b"SELECT %s, '%s'"),
        ({}, b"SELECT %s, '%s'"),
        (("it's",), b"SELECT 'it''s', '%s'"),
        ([b"'"], b"SELECT _binary x'27', '%s'"),
    ],
)
def test_placeholders_are_replaced_only_where_there_are_parameters(connect, kind, params, sent):
    connection, server = connect()
    server.will_answer([ok()])
    cursor = connection.cursor(**kind)
    cursor.execute("SELECT %s, '%s'", params)
    assert server.statements == [sent]
    assert cursor.statement == sent.decode()


@pytest.mark.parametrize("operation", [b"SELECT '\xff'", bytearray(b"SELECT '\xff'")])
def test_a_statement_in_bytes_is_sent_as_it_is(connect, operation):
    connection, server = connect()
    server.will_answer([ok()])
    cursor = connection.cursor()
    cursor.execute(operation)
    assert server.statements == [bytes(operation)]
    assert cursor.statement == "SELECT '\ufffd'"


def test_a_statement_whose_parameters_do_not_fit_is_not_sent(connect, kind):
    connection, server = connect()
    cursor = connection.cursor(**kind)
    for operation, params in (("SELECT %s", (1, 2)), ("SELECT %s", (object(),)), (5, None), ("\ud800", None)):
        with pytest.raises(ProgrammingError):
            cursor.execute(operation, params)
    assert server.commands == []


def test_the_sql_mode_is_asked_for_where_the_statements_own_quotes_depend_on_it(connect):
    connection, server = connect()
    server.will_answer(result([column("m")], [row(b"NO_BACKSLASH_ESCAPES")]), [ok()])
    before = connection._commands.commands
    connection.cursor().execute(r"SELECT '\', %s, '%s'", (1,))
    assert server.statements == [b"SELECT @@session.sql_mode", rb"SELECT '\', 1, '%s'"]
    assert connection._commands.commands == before + 1


def test_a_refusal_leaves_nothing_of_the_statement_before(connect, kind):
    connection, server = connect()
    server.will_answer(TWO, [refusal(1062, "Duplicate entry", "23000")])
    cursor = connection.cursor(**kind)
    cursor.execute("SELECT")
    cursor.fetchall()
    with pytest.raises(IntegrityError):
        cursor.execute("INSERT")
    assert (cursor.rowcount, cursor.lastrowid, cursor.warning_count, cursor.description) == (-1, None, 0, None)
    assert not connection.closed


# -- executemany ---------------------------------------------------------------------------------------------------------------------


def test_rows_of_a_plain_insert_go_together(connect, kind):
    connection, server = connect()
    server.will_answer([ok(3, 10)])
    cursor = connection.cursor(**kind)
    cursor.executemany("INSERT INTO t (a, b) VALUES (%s, %s)", [(1, "a'"), (2, "%s"), [3, 4.5]])
    assert server.statements == [b"INSERT INTO t (a, b) VALUES (1, 'a'''),(2, '%s'),(3, 4.5e0)"]
    assert (cursor.rowcount, cursor.lastrowid) == (3, 10)


def test_rows_by_name_go_together(connect):
    connection, server = connect()
    server.will_answer([ok(2)])
    connection.cursor().executemany("INSERT INTO t VALUES (%(a)s, %(b)s)", [{"a": 1, "b": 2}, {"b": 4, "a": 3}])
    assert server.statements == [b"INSERT INTO t VALUES (1, 2),(3, 4)"]


def test_many_bytes_are_sent_in_several_statements_and_none_is_lost(connect):
    connection, server = connect()
    server.will_answer([ok(2)], [ok(2)], [ok(1)])
    value = "x" * (BATCH_BYTES * 2 // 5)
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO t VALUES (%s, %s)", [(n, value) for n in range(5)])
    assert [statement.count(b"),(") + 1 for statement in server.statements] == [2, 2, 1]
    assert all(len(statement) < BATCH_BYTES + 100 for statement in server.statements)
    found = b"".join(server.statements)
    assert [found.count(b"(%d, '" % n) for n in range(5)] == [1] * 5
    assert cursor.rowcount == 5


def test_a_row_larger_than_a_batch_goes_alone(connect):
    connection, server = connect()
    server.will_answer([ok(1)], [ok(1)], [ok(1)])
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO t VALUES (%s)", [("a",), ("x" * (BATCH_BYTES + 1),), ("b",)])
    assert [len(statement) > BATCH_BYTES for statement in server.statements] == [False, True, False]
    assert cursor.rowcount == 3


@pytest.mark.parametrize(
    "operation", ["UPDATE t SET a = %s WHERE b = %s", "INSERT INTO t VALUES (%s, UPPER(%s))", "INSERT INTO t VALUES (%s, %s) RETURNING a"]
)
def test_a_statement_that_is_no_plain_insert_runs_once_per_row(connect, kind, operation):
    connection, server = connect()
    server.will_answer([ok(1)], [ok(0)], [ok(2)])
    cursor = connection.cursor(**kind)
    cursor.executemany(operation, [(1, 2), (3, 4), (5, 6)])
    assert server.statements == [(operation % pair).encode() for pair in ((1, 2), (3, 4), (5, 6))]
    assert cursor.rowcount == 3


def test_results_of_each_run_are_read(connect, kind):
    connection, server = connect()
    server.will_answer(numbers(1, 2), numbers(3))
    cursor = connection.cursor(**kind)
    cursor.executemany("SELECT %s", [(1,), (2,)])
    assert cursor.rowcount == 3
    assert connection._commands._rows_follow is False


def test_an_insert_of_one_row_runs_as_it_is_written(connect):
    connection, server = connect()
    server.will_answer([ok(1)])
    connection.cursor().executemany("INSERT INTO t VALUES (%s);", iter([(1,)]))
    assert server.statements == [b"INSERT INTO t VALUES (1);"]


def test_no_rows_send_nothing(connect):
    connection, server = connect()
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO t VALUES (%s)", [])
    assert (server.commands, cursor.rowcount) == ([], 0)


def test_rows_that_do_not_fit_send_nothing_of_a_batch(connect):
    connection, server = connect()
    for rows in ([(1, 2), (1,)], [(1, 2), {"a": 1}], [(1, 2), (1, object())]):
        with pytest.raises(ProgrammingError):
            connection.cursor().executemany("INSERT INTO t VALUES (%s, %s)", rows)
    assert server.commands == []


def test_the_rows_of_statements_without_values_are_summed_too(connect, kind):
    connection, server = connect()
    server.will_answer([ok(1)], [ok(2)])
    cursor = connection.cursor(**kind)
    cursor.executemany("INSERT INTO t VALUES (DEFAULT)", [(), ()])
    assert server.statements == [b"INSERT INTO t VALUES (DEFAULT)"] * 2
    assert cursor.rowcount == 3


# -- several results -----------------------------------------------------------------------------------------------------------------


def test_nextset_gives_each_result_of_a_statement(connect, kind):
    connection, server = connect()
    server.will_answer(chained(numbers(1, 2, status=MORE), [ok(5, status=MORE)], numbers(3, status=MORE), [ok(7)]))
    cursor = connection.cursor(**kind)
    cursor.execute("CALL p()")
    assert plain(cursor.fetchall(), kind) == [(1,), (2,)]
    assert cursor.nextset() is True
    assert (cursor.rowcount, cursor.with_rows) == (5, False)
    assert cursor.nextset() is True
    assert plain(cursor.fetchall(), kind) == [(3,)]
    assert cursor.rowcount == 1
    assert cursor.nextset() is True
    assert cursor.rowcount == 7
    assert cursor.nextset() is None
    assert cursor.nextset() is None


def test_fetching_from_a_second_stream_that_a_rollback_ended_is_an_error(connect):
    connection, server = connect()
    server.will_answer(chained(numbers(1, status=MORE), numbers(2, 3)), [ok()])
    cursor = connection.cursor(buffered=False)
    cursor.execute("SELECT 1; SELECT 2")
    assert cursor.fetchall() == [(1,)]
    cursor.nextset()
    connection.rollback()
    with pytest.raises(ProgrammingError, match="rows of this stream are gone"):
        cursor.fetchall()


def test_an_error_among_the_results_that_follow_is_raised(connect, kind):
    """A buffered cursor raises it in execute(), which reads all results; a stream raises it when it is closed."""
    connection, server = connect()
    server.will_answer(chained(numbers(1, status=MORE), [refusal(1062, "late", "23000")]), numbers(42))
    cursor = connection.cursor(**kind)
    with pytest.raises(IntegrityError, match="late"):
        cursor.execute("CALL p()")
        cursor.fetchall()
        cursor.close()
    assert (cursor.with_rows, cursor.rowcount) == (False, -1) or not kind.get("buffered", True)
    other = connection.cursor()
    other.execute("SELECT 42")
    assert other.fetchall() == [(42,)]


def test_a_cursor_leaves_the_results_of_another_alone(connect, kind):
    connection, server = connect()
    server.will_answer([ok(5)], chained(numbers(1, 2, status=MORE), numbers(3)))
    first, second = connection.cursor(**kind), connection.cursor(buffered=False)
    first.execute("DO 1")
    second.execute("SELECT 1; SELECT 3")
    assert first.nextset() is None
    assert second.fetchall() == [(1,), (2,)]
    assert first.nextset() is None
    first.close()
    assert second.nextset() is True
    assert second.fetchall() == [(3,)]


def test_a_procedure_with_arguments(connect, kind):
    connection, server = connect()
    server.will_answer(
        [ok()],
        chained(numbers(1, 2, status=MORE), numbers(3, status=MORE), [ok(0)]),
        result([column("@_rdspool_0"), column("@_rdspool_1", LONGLONG)], [row(b"in", b"9")]),
    )
    cursor = connection.cursor(**kind)
    assert cursor.callproc("app.p", ["in", None]) == ("in", 9)
    assert server.statements == [
        b"SET @_rdspool_0 = 'in', @_rdspool_1 = NULL",
        b"CALL `app`.`p`(@_rdspool_0, @_rdspool_1)",
        b"SELECT @_rdspool_0, @_rdspool_1",
    ]


def test_the_results_of_a_procedure(connect):
    connection, server = connect()
    server.will_answer(chained(numbers(1, 2, status=MORE), numbers(3, status=MORE), [ok(0)]))
    cursor = connection.cursor()
    assert cursor.callproc("p") == ()
    assert server.statements == [b"CALL `p`()"]
    assert (cursor.fetchall(), cursor.rowcount) == ([(1,), (2,)], 2)
    assert cursor.nextset() is True
    assert (cursor.fetchall(), cursor.rowcount) == ([(3,)], 1)
    assert cursor.nextset() is None


def test_a_streaming_cursor_gives_the_results_of_a_procedure_too(connect):
    connection, server = connect()
    server.will_answer(chained(numbers(1, 2, 3, status=MORE), numbers(4, status=MORE), [ok(0)]), numbers(9))
    cursor = connection.cursor(buffered=False)
    cursor.callproc("p")
    assert cursor.fetchone() == (1,)
    assert cursor.fetchmany(1) == [(2,)]
    assert cursor.fetchall() == [(3,)]
    assert cursor.fetchone() is None
    assert cursor.nextset() is True
    assert list(cursor) == [(4,)]
    assert cursor.nextset() is None
    cursor.execute("SELECT 9")
    assert cursor.fetchall() == [(9,)]


def test_a_procedure_without_results(connect, kind):
    connection, server = connect()
    server.will_answer([ok(5)])
    cursor = connection.cursor(**kind)
    cursor.callproc("p")
    assert (cursor.rowcount, cursor.with_rows, cursor.nextset()) == (5, False, None)


@pytest.mark.parametrize(
    ("name", "sent"), [("p", b"CALL `p`()"), ("`p`", b"CALL `p`()"), ("d.p", b"CALL `d`.`p`()"), ("p`); DROP", b"CALL `p``); DROP`()")]
)
def test_the_name_of_a_procedure_is_quoted(connect, name, sent):
    connection, server = connect()
    server.will_answer([ok()])
    connection.cursor().callproc(name)
    assert server.statements == [sent]


def test_the_name_of_a_procedure_is_a_str(connect):
    connection, _ = connect()
    with pytest.raises(ProgrammingError, match="str, not bytes"):
        connection.cursor().callproc(b"p")


# -- streams -------------------------------------------------------------------------------------------------------------------------


def test_a_stream_reads_rows_as_they_are_fetched(connect):
    connection, server = connect()
    server.will_answer(server.framed(numbers(*range(5))[:-1]))  # the end has not been sent yet
    cursor = connection.cursor(buffered=False)
    cursor.execute("SELECT n")
    assert cursor.rowcount == -1
    assert cursor.fetchmany(5) == [(n,) for n in range(5)]
    assert cursor.rowcount == -1


def test_a_second_statement_waits_for_the_stream(connect):
    connection, server = connect()
    server.will_answer(numbers(1, 2, 3), numbers(4))
    stream, other = connection.cursor(buffered=False), connection.cursor()
    stream.execute("SELECT n")
    assert stream.fetchone() == (1,)
    with pytest.raises(ProgrammingError, match="still being read"):
        other.execute("SELECT 4")
    stream.close()
    other.execute("SELECT 4")
    assert other.fetchall() == [(4,)]


@pytest.mark.parametrize("operation", ["SELECT 4", r"SELECT '\', 4, '%s'"])
def test_a_streaming_cursor_can_be_used_again_before_its_rows_are_read(connect, operation):
    connection, server = connect()
    server.will_answer(numbers(1, 2, 3))
    if "\\" in operation:
        server.will_answer(result([column("m")], [row(b"")]))
    server.will_answer(numbers(4))
    cursor = connection.cursor(buffered=False)
    cursor.execute("SELECT n")
    cursor.fetchone()
    cursor.execute(operation, ("x",) if "\\" in operation else None)
    assert cursor.fetchall() == [(4,)]


@pytest.mark.parametrize("how", ["rollback", "close"])
def test_fetching_rows_of_a_stream_that_are_gone_is_an_error(connect, how):
    connection, server = connect()
    server.will_answer(numbers(1, 2, 3), [ok()])
    cursor = connection.cursor(buffered=False)
    cursor.execute("SELECT n")
    cursor.fetchone()
    getattr(connection, how)()
    with pytest.raises(ProgrammingError, match="rows of this stream are gone"):
        cursor.fetchall()


def test_an_error_among_the_rows_of_a_stream(connect):
    connection, server = connect()
    server.will_answer([*numbers(1)[:-1], refusal(1317, "interrupted", "70100")], [ok()])
    cursor = connection.cursor(buffered=False)
    cursor.execute("SELECT n")
    with pytest.raises(connection.Error, match="interrupted"):
        cursor.fetchall()
    with pytest.raises(ProgrammingError, match="gone"):
        cursor.fetchone()
    connection.cursor().execute("DO 1")


# -- the end -------------------------------------------------------------------------------------------------------------------------


def test_a_closed_cursor_keeps_its_counts_and_runs_nothing(connect, kind):
    connection, server = connect()
    server.will_answer(numbers(1, 2))
    with connection.cursor(**kind) as cursor:
        cursor.execute("SELECT n")
        cursor.fetchall()
        assert "open" in repr(cursor)
    assert "closed" in repr(cursor)
    assert cursor.rowcount == 2
    cursor.close()
    for use in (
        lambda: cursor.execute("SELECT"),
        lambda: cursor.executemany("SELECT %s", [(1,)]),
        lambda: cursor.callproc("p"),
        cursor.fetchone,
        cursor.fetchall,
        cursor.fetchmany,
        cursor.nextset,
        lambda: cursor.connection,
    ):
        with pytest.raises(ProgrammingError, match="the cursor is closed"):
            use()


def test_a_cursor_of_a_closed_connection(connect, kind):
    connection, _ = connect()
    cursor = connection.cursor(**kind)
    connection.close()
    with pytest.raises(OperationalError) as caught:
        cursor.execute("SELECT 1")
    assert caught.value.errno == 2006
    cursor.close()


@pytest.mark.parametrize("name", ["add_attribute", "fetchwarnings", "stored_results", "nonsense"])
def test_the_error_for_a_name_that_a_cursor_lacks_says_what_to_use(connect, name):
    connection, _ = connect()
    with pytest.raises(AttributeError, match=f"rdspool's cursor has no '{name}'" + (": ." if name != "nonsense" else "$")):
        getattr(connection.cursor(), name)
