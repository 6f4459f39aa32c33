"""Statements taken apart at their placeholders: their own text never changes, and no value lands outside its literal."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mysql.connector.errors import ProgrammingError
from rdspool._driver import statements
from rdspool._driver.batches import Batch
from rdspool._driver.effects import WRITES
from rdspool._driver.literals import literal
from rdspool._driver.statements import encoded, template, whole
from sql_lexer import MODES, Unreadable, tokens

MODE = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.sql_mode)
USUAL = MODES[0]
VALUES = ["it's", "back\\slash'", '"', "-- ", "/*", "*/", b"\x27\x5c", 7, -1.5, None, "%s", "%(a)s", "\\' OR 1=1 -- "]


def never():
    raise AssertionError("sql_mode was asked for, and nothing depends on it")


def filled(statement, params, mode=USUAL):
    known = template(statement, params, lambda: mode.sql_mode)
    return statements.filled(known.pieces, known.values(params))


# -- what is a placeholder -------------------------------------------------------------------------------------------------------

TEXTS = [
    "'%s'",
    "'it''s %s'",
    '"%s"',
    '"say ""%s"""',
    "`%s`",
    "`a``%s`",
    "/* %s */",
    "/*%s*/",
    "/*+ MAX_EXECUTION_TIME(%s) */",
    "/*!80000 %s */",
    "/*!80000 /* %s */ %s */",
    "/*M!100100 %s */",
    "# %s\n",
    "#%s\n",
    "-- %s\n",
    "--\t%s\n",
    "--\n",
    "-- it's\n",
    '# "`\n',
    "/* it's \" ` */",
    "'/*'",
    "'-- '",
    "'#'",
    '"it\'s"',
    "`it's`",
    "'\"'",
    "'100%'",
    "'%%s'",
    "'\n%s'",
    "''",
    '""',
    "/**/",
    "/*'*/",
]


@pytest.mark.parametrize(
    "part", [b"/*! /* */", b"/*!/**/", b"/*M! /* */", b"/* ", b"'", b"\\'", b"[", b"[]]", b"%(", b"%(a", b"--", b"/*!"]
)
def test_many_openings_are_read_in_one_pass(part):
    """Where each was searched to the end of the statement, the test would take minutes."""
    tail = b" " + part * (300_000 // len(part))
    assert filled(b"SELECT %s" + tail, (1,)) == b"SELECT 1" + tail
    assert filled(b"SELECT %(x)s" + tail, {"x": 1}) == b"SELECT 1" + tail


@pytest.mark.parametrize("end", [")%s?", ") ON DUPLICATE KEY UPDATE a = 1%s;;", "%s?)", ", 1%s?)"])
def test_whether_an_insert_can_be_batched_is_seen_in_one_pass(end):
    blanks = " " * 300_000
    assert Batch.of(template("INSERT INTO t VALUES (%s" + end.replace("%s", blanks), (1,), never)) is None
    assert Batch.of(template(f"INSERT{blanks}INTO{blanks}t{blanks}?{blanks}(%s)", (1,), never)) is None
    assert Batch.of(
        template(f"INSERT{blanks}INTO{blanks}t{blanks}.{blanks}u{blanks}VALUES{blanks}({blanks}%s{blanks}){blanks}", (1,), never)
    )


def test_a_comment_with_code_within_another_is_refused():
    for text in ("/*!50000 1 /*!40000 2 */ */", "/*!" * 2000 + "*/" * 2, "/*!50000 " * 2000 + "*/ " * 2000):
        with pytest.raises(ProgrammingError, match="do not agree"):
            filled(f"SELECT {text}, %s", (1,))


def test_a_statement_that_changes_how_its_own_quotes_are_read_is_refused():
    for params, placeholder in (((1,), "%s"), ({"a": 1}, "%(a)s")):
        with pytest.raises(ProgrammingError, match="statement of its own"):
            filled(f"SET SQL_MODE = 'NO_BACKSLASH_ESCAPES'; SELECT 'a\\', ' {placeholder} ', 'b\\'", params)
        assert filled(f"SELECT @@sql_mode, 'it\\'s', {placeholder}", params)
        assert filled(f"SET sql_mode = ''; SELECT 'its', {placeholder}", params)


@pytest.mark.parametrize("name", ["it's", 'a"b', "a`b", "Order_#", "a--\tb", "a/*b", "a/*!b", "a\\'b", "\\"])
def test_a_name_can_hold_what_opens_a_text_elsewhere(name):
    params = {name: "x' #", "b": 2}
    assert filled(f"SELECT %({name})s, '#', %(b)s, %({name})s -- #'", params) == b"SELECT 'x'' #', '#', 2, 'x'' #' -- #'"


@pytest.mark.parametrize("text", TEXTS)
def test_quotes_and_comments_are_text(text):
    assert filled(f"SELECT %s, {text} + %s", (1, 2)) == f"SELECT 1, {text} + 2".encode()
    assert filled(f"{text} SELECT %s", (1,)) == f"{text} SELECT 1".encode()
    assert filled(f"SELECT %s {text}", (1,)) == f"SELECT 1 {text}".encode()
    named = text.replace("%s", "%(a)s")
    assert filled(f"SELECT %(a)s, {named} + %(a)s", {"a": 1}) == f"SELECT 1, {named} + 1".encode()


@pytest.mark.parametrize(
    "code",
    [
        "SELECT 5--%s",
        "SELECT 5 --1 + %s",
        "SELECT 7/%s",
        "SELECT 2*%s",
        "SELECT a-%s",
        "%s",
        "%s;",
        "(%s)",
        "x=%s",
        "SELECT @a:=%s",
        "1.%s",
    ],
)
def test_what_begins_no_comment_is_code(code):
    assert filled(code, (3,)) == code.replace("%s", "3").encode()


@pytest.mark.parametrize("text", ["'%s", '"%s', "`%s", "/* %s", "/*!1 %s", "-- %s", "# %s"])
def test_an_open_quote_or_comment_reaches_to_the_end(text):
    assert filled(f"SELECT %s {text}", (1,)) == f"SELECT 1 {text}".encode()


@pytest.mark.parametrize(
    ("statement", "params", "expected"),
    [
        ("SELECT id %size = %s", (1,), "SELECT id %size = 1"),
        ("SELECT id %s_1 = %s", (1,), "SELECT id %s_1 = 1"),
        ("SELECT 10 %s", (3,), "SELECT 10 3"),
        ("SELECT %sAS x", (1,), "SELECT 1AS x"),
        ("SELECT 10 %% 3, %s", (1,), "SELECT 10 %% 3, 1"),
        ("SELECT 10 % 3, %s", (1,), "SELECT 10 % 3, 1"),
        ("SELECT %(a)s, 5 %such", {"a": 1}, "SELECT 1, 5 %such"),
        ("SELECT %(a)s, %(a)s", {"a": 1}, "SELECT 1, 1"),
        ("SELECT %(größe)s", {"größe": 1}, "SELECT 1"),
        ("SELECT %(a b)s", {"a b": 1, "unused": 2}, "SELECT 1"),
        ("SELECT %(a)s", {"a": "%(b)s", "b": 2}, "SELECT '%(b)s'"),
        ("SELECT %s, %s", ("%s", 2), "SELECT '%s', 2"),
        ("SELECT %s, %s", ["a", None], "SELECT 'a', NULL"),
        (b"SELECT %s", (1,), "SELECT 1"),
        (bytearray(b"SELECT %s"), (1,), "SELECT 1"),
    ],
)
def test_placeholders_in_code_are_replaced_by_literals(statement, params, expected):
    assert filled(statement, params) == expected.encode()


@pytest.mark.parametrize(
    ("statement", "params", "message"),
    [
        ("SELECT %s", (1, 2), r"Not all parameters were used.*1 placeholders.*2 values"),
        ("SELECT %s, %s", (1,), r"Not enough parameters.*2 placeholders.*1 values"),
        ("SELECT '%s'", (1,), r"within quotes or a comment is text"),
        ("SELECT %(a)s", (1,), r"takes its value from a dict"),
        ("SELECT %(a)s", {"b": 1}, r"placeholder %\(a\)s, which has no value.*given for: b"),
        ("SELECT %s", {"a": 1}, r"%s placeholders.*by name \(a\)"),
        ("SELECT %s", {"\ud800": 1}, r"by name"),
        ("SELECT %(a)s", {1: 1}, r"name of a parameter is a str, not int"),
        ("SELECT %s", "a", r"list, a tuple or a dict, not str"),
        ("SELECT %s", {1}, r"list, a tuple or a dict, not set"),
        (5, (1,), r"a statement is a str or bytes, not int"),
        ("\ud800 %s", (1,), r"can't be sent as UTF-8"),
        ("SELECT %s", ("\ud800",), r"can't be sent as UTF-8"),
        ("SELECT %s", (object(),), r"type object can't be sent"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(statement, params, message):
    with pytest.raises(ProgrammingError, match=message):
        filled(statement, params)


@pytest.mark.parametrize("params", [(1,), [1, 2, 3], 5, "ab", {"a": 1}])
def test_another_row_has_to_fit_too(params):
    known = template("SELECT %s, %s", (1, 2), never)
    with pytest.raises(ProgrammingError, match="takes 2 values"):
        known.values(params)


def test_another_row_by_name_has_to_fit_too():
    known = template("SELECT %(a)s", {"a": 1}, never)
    with pytest.raises(ProgrammingError, match="takes its values by name"):
        known.values((1,))
    with pytest.raises(ProgrammingError, match="no value"):
        known.values({"b": 1})


# -- a backslash before a quote --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "with_escapes", "without"),
    [
        # With escapes the quote goes on after \' , without them it ends there.
        (r"SELECT '\' , %s , ' , %s", r"SELECT '\' , %s , ' , 1", r"SELECT '\' , 1 , ' , %s"),
        (r"SELECT '\', %s, '%s'", r"SELECT '\', %s, '1'", r"SELECT '\', 1, '%s'"),
        (r"SELECT 'a\'b', %s", r"SELECT 'a\'b', 1", r"SELECT 'a\'b', %s"),
        (r"SELECT 'a\\', %s", r"SELECT 'a\\', 1", r"SELECT 'a\\', 1"),
    ],
)
@MODE
def test_a_backslash_before_a_quote_reads_as_the_server_reads_it(mode, statement, with_escapes, without):
    expected = with_escapes if mode.backslash_escapes else without
    assert filled(statement, (1,) * (expected != statement), mode) == expected.encode()


def test_a_backslash_in_double_quotes_escapes_only_where_they_are_strings():
    statement = r'SELECT "\" , %s , " , %s'
    assert filled(statement, (1,), MODES[0]) == rb'SELECT "\" , %s , " , 1'
    for mode in MODES[1:]:
        assert filled(statement, (1,), mode) == rb'SELECT "\" , 1 , " , %s'


def test_the_mode_is_asked_for_only_where_it_makes_a_difference():
    asked = []

    def sql_mode():
        asked.append(1)
        return "NO_BACKSLASH_ESCAPES"

    for plain in (r"SELECT '\\' , %s", r"SELECT 'a\nb', %s", "SELECT '\\\\\\'', %s, '' ".replace("\\'", ""), "SELECT %s"):
        template(plain, (1,), sql_mode)
    assert not asked
    for _ in range(2):
        template(r"SELECT '\', %s, '%s'", (1,), sql_mode)
    assert len(asked) == 2, "a session's sql_mode can change between two executions"


# -- properties ------------------------------------------------------------------------------------------------------------------

PARTS = [
    *TEXTS,
    " %s ",
    " %s ",
    " %s ",
    "SELECT",
    " ",
    "a",
    "5",
    "%",
    "%size",
    "%%",
    "--1",
    "-",
    "*",
    "/ ",
    "(",
    ")",
    ",",
    "=",
    ";",
    "\n",
    "\\",
    "'a\\'",
    "'\\\\'",
    '"\\"',
    "'\\'",
    "'",
    '"',
    "`",
    "é",
    "''''",
    "x'41'",
    "N'%s'",
    "_utf8mb4'%s'",
    "--",
    "#",
    "/*",
    "*/",
]
STATEMENTS = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)


ORDINARY = [part for part in PARTS if not part.startswith(("/*!", "/*M!"))]
"""Without the comments that some servers run as code, which the lexer does not."""


def readable(statement, mode):
    """Return the statement with an end to what it leaves open: a server would refuse it without."""
    for closing in ("", " '", ' "', " `", " */"):  # the blank: a backslash at the end escapes it, and not the quote
        try:
            return (statement + closing).encode(), tokens((statement + closing).encode(), mode)
        except Unreadable:
            continue
    raise AssertionError(statement)


def placeholders(found):
    """Return where `%s` stands in code, by the lexer."""
    return [
        percent.begin
        for percent, word in itertools.pairwise(found)
        if percent.value == b"%" and word.begin == percent.end and word.kind == "word" and word.value == b"s"
    ]


@MODE
@given(statement=st.lists(st.sampled_from(ORDINARY) | st.just(" %s "), max_size=12).map("".join), data=st.data())
def test_a_value_is_one_token_where_its_placeholder_stood_and_all_else_is_as_written(mode, statement, data):
    written, found = readable("SELECT %s " + statement, mode)
    places = placeholders(found)
    if any(written[place - 1] in b"'\"`" or written[place + 2 : place + 3] in (b"'", b'"', b"`") for place in places):
        return  # strings side by side are one; there is a test of its own for it
    values = [data.draw(st.sampled_from(VALUES)) for _ in places]
    try:
        sent = filled(written, tuple(values), mode)
    except ProgrammingError:
        # `%size` counted as a placeholder, where the number of values was that of all `%s`.
        assert written.count(b"%s") != len(places)
        return
    expected, at = b"", 0
    for place, value in zip(places, values, strict=True):
        expected += written[at:place] + literal(value)
        at = place + 2
    expected += written[at:]
    assert sent == expected
    # Each value is read by a server as one token (with its sign, for a number) where it was put, and the tokens around are as before.
    before = [token.value for token in found if token.begin not in {p for place in places for p in (place, place + 1)}]
    ends, grown = {}, 0
    for place, value in zip(places, values, strict=True):
        ends[place + grown] = place + grown + len(literal(value))
        grown += len(literal(value)) - 2
    after = []
    for token in tokens(sent, mode):
        inside = [begin for begin, end in ends.items() if begin <= token.begin < end]
        if inside:
            assert token.end <= ends[inside[0]]
        else:
            after.append(token.value)
    assert after == before


@given(statement=STATEMENTS)
def test_pieces_are_the_statement_itself(statement):
    for mode in MODES:
        for count in range(6):
            try:
                known = template(statement, (1,) * count, lambda mode=mode: mode.sql_mode)
            except ProgrammingError:
                continue
            assert b"%s".join(known.pieces) == statement.encode()


@given(statement=STATEMENTS.map(lambda text: text.replace("%s", "%(n)s")))
def test_pieces_are_the_statement_itself_by_name(statement):
    for mode in MODES:
        try:
            known = template(statement, {"n": 1}, lambda mode=mode: mode.sql_mode)
        except ProgrammingError:
            continue
        assert b"%(n)s".join(known.pieces) == statement.encode()


@pytest.mark.parametrize("value", [value for value in VALUES if isinstance(value, str)])
@pytest.mark.parametrize("statement", ["SELECT 'a'%s, 1", "SELECT %s'a', 1", "SELECT %s%s, 1", "SELECT 'a'%s'b', 1", "SELECT N%s, 1"])
@MODE
def test_a_placeholder_right_beside_quotes_lets_no_value_out(mode, statement, value):
    """Two strings side by side are one; whatever a value holds, it stays inside."""
    sent = filled(statement, (value,) * statement.count("%s"), mode)
    found = tokens(sent, mode)
    assert [token.value for token in found[-2:]] == [b",", b"1"]
    assert all(token.kind in ("string", "hex") or token.value in (b"N", b"N_utf8mb4") for token in found[1:-2])


# -- what is kept ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["SELECT %s", b"SELECT %s"])
def test_a_statement_is_read_once(text):
    statements._statements.clear()
    statements._whole.clear()
    assert template(text, (1,), never) is template(text, (2,), never)
    assert whole(text) is whole(text)
    assert list(statements._statements) == list(statements._whole) == [text]


@pytest.mark.parametrize("text", ["SELECT '%s' -- ", b"SELECT '%s' -- ", bytearray(b"SELECT '%s' -- ")])
def test_a_statement_without_values_is_sent_as_it_is(text):
    found = whole(text)
    assert (found.pieces, found.names, found.effects) == ([b"SELECT '%s' -- "], None, 0)
    assert whole("UPDATE t SET a = 1").effects == WRITES


@pytest.mark.parametrize("wrong", [None, 5, ["SELECT 1"]])
def test_a_statement_is_a_text(wrong):
    with pytest.raises(ProgrammingError, match="a statement is a str or bytes"):
        whole(wrong)


def test_a_statement_is_taken_apart_for_each_number_of_values():
    assert filled("SELECT %size, %s", (1,)) == b"SELECT %size, 1"
    assert filled("SELECT %size, %s", (1, 2)) == b"SELECT 1ize, 2"


def test_a_statement_is_sent_as_utf_8_or_as_its_bytes():
    assert encoded("é") == "é".encode()
    assert encoded(b"\xff") == b"\xff"
    assert encoded(bytearray(b"a")) == b"a"


@pytest.mark.parametrize(
    "statement",
    [
        "/*! " + "/* a */ " * 60 + "%s",
        "INSERT INTO t VALUES (" + "1, " * 3000 + "%s" + ", 1" * 3000,
        "INSERT INTO t VALUES (%s)" + " " * 20_000 + "x",
        "INSERT INTO t (" + "a, " * 3000 + "%s",
        " " * 20_000 + "INSERT %s",
        "SELECT '" + "\\'" * 5000 + "%s",
        "SELECT %s" + "/*!" * 5000,
    ],
    ids=["version comment", "constants", "tail", "names", "head", "escapes", "open comments"],
)
def test_a_statement_on_which_a_search_could_go_back_for_ever_is_taken_apart(statement):
    """With a search that tries every way through a statement again, this would outlast the test's time limit."""
    for count in (0, 1):
        try:
            known = template(statement, (1,) * count, lambda: "")
        except ProgrammingError:
            continue
        assert b"%s".join(known.pieces) == statement.encode()
        Batch.of(known)


# -- batches -----------------------------------------------------------------------------------------------------------------------

ROW = ("it's", 2)


def batched(statement, params=ROW):
    known = template(statement, params, never)
    batch = Batch.of(known)
    return None if batch is None else next(batch.statements([batch.row(known.values(params)), batch.row(known.values(params))], 1 << 20))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("INSERT INTO t VALUES (%s, %s)", "INSERT INTO t VALUES ('it''s', 2),('it''s', 2)"),
        ("insert t (a,b) value (%s,%s)", "insert t (a,b) value ('it''s',2),('it''s',2)"),
        ("REPLACE INTO `d b`.`t``x` (a) VALUES ( %s , %s ) ;", None),
        ("REPLACE INTO `d b`.`t x` (a) VALUES ( %s , %s ) ;", "REPLACE INTO `d b`.`t x` (a) VALUES ( 'it''s' , 2 ),( 'it''s' , 2 ) "),
        (
            "INSERT IGNORE INTO t (a, b, c) VALUES (1, %s, NULL, %s, NOW(6), -1.5, DEFAULT)",
            (
                "INSERT IGNORE INTO t (a, b, c) VALUES (1, 'it''s', NULL, 2, NOW(6), -1.5, DEFAULT)"
                ",(1, 'it''s', NULL, 2, NOW(6), -1.5, DEFAULT)"
            ),
        ),
        (
            "INSERT INTO t VALUES (%s, %s) ON DUPLICATE KEY UPDATE n = n + 1",
            "INSERT INTO t VALUES ('it''s', 2),('it''s', 2) ON DUPLICATE KEY UPDATE n = n + 1",
        ),
        (
            "INSERT INTO t VALUES (%s, %s) AS new ON DUPLICATE KEY UPDATE n = new.n",
            "INSERT INTO t VALUES ('it''s', 2),('it''s', 2) AS new ON DUPLICATE KEY UPDATE n = new.n",
        ),
        ("INSERT INTO t VALUES (%s, 'x', %s)", None),
        ("INSERT INTO t VALUES (%s, /* x */ %s)", None),
        ("INSERT INTO t VALUES (%s, UPPER(%s))", None),
        ("INSERT INTO t VALUES (%s, %s + 1)", None),
        ("INSERT INTO t VALUES (%s, RAND(), %s)", None),
        ("INSERT INTO t VALUES (%s, LAST_INSERT_ID(), %s)", None),
        ("INSERT INTO t VALUES (%s), (%s)", None),
        ("INSERT INTO t SELECT %s, %s", None),
        ("INSERT INTO t SET a = %s, b = %s", None),
        ("INSERT INTO t VALUES (%s, %s) ON DUPLICATE KEY UPDATE a = 'x'", None),
        ("INSERT INTO t VALUES (%s, 1) ON DUPLICATE KEY UPDATE a = %s", None),
        ("INSERT INTO t VALUES (%s, %s) RETURNING id", None),
        ("INSERT INTO t VALUES (%s, %s); DELETE FROM t", None),
        ("INSERT INTO t VALUES (%s, %s) ON DUPLICATE KEY UPDATE a = 1; DELETE FROM t", None),
        ("UPDATE t SET a = %s WHERE b = %s", None),
        ("DELETE FROM t WHERE a = %s AND b = %s", None),
        ("INSERT DELAYED INTO t VALUES (%s, %s)", None),
        ("WITH c AS (SELECT 1) INSERT INTO t VALUES (%s, %s)", None),
    ],
)
def test_only_a_plain_insert_of_one_row_is_a_batch(statement, expected):
    assert batched(statement) == (None if expected is None else expected.encode())


def test_a_statement_without_a_placeholder_is_no_batch():
    assert Batch.of(template("INSERT INTO t VALUES (1)", (), never)) is None


def test_an_insert_with_names_is_a_batch():
    assert batched("INSERT INTO t VALUES (%(a)s, %(b)s)", {"a": "x)", "b": 2}) == b"INSERT INTO t VALUES ('x)', 2),('x)', 2)"


# -- comments with code for some servers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT /*!80000 '*/', */ '%s', 'x'",  # MySQL reads the code in it, and '*/' as a text
        'SELECT /*!80000 "*/", */ \'%s\', "x"',
        "SELECT /*!80000 a AS `*/`, */ '%s', `x`",
        "SELECT 1 /*! -- it's */\n , */ + %s",
        "SELECT 1 /*! # it's */\n , */ + %s",
        "SELECT 1 /*! , '/*' */ + %s */",
        "SELECT /*M!100100 1 /* ' */ + */ 3, '%s'",  # MariaDB reads the code in it, MySQL a comment to the first */
    ],
)
def test_a_comment_with_code_that_servers_end_at_different_places_is_refused(statement):
    with pytest.raises(ProgrammingError, match="comment with code"):
        filled(statement, (1,))
    with pytest.raises(ProgrammingError, match="comment with code"):
        filled(statement.replace("%s", "%(a)s"), {"a": 1})


@pytest.mark.parametrize(
    "comment",
    [
        "/*!80000 'it''s' */",
        "/*!80000 a /* it's */ */",
        '/*! "a" `b` */',
        "/*M!100100 'a' */",
        "/*!*/",
        "/*! # a\n */",
        "/*!80000 a */ /*! b */",
    ],
)
def test_a_comment_with_code_that_all_servers_end_at_one_place_is_text(comment):
    assert filled(f"SELECT 'a' {comment}, %s", (1,)) == f"SELECT 'a' {comment}, 1".encode()
