"""Whether the runs of other people's suites are as the list of expected failures says."""

import pytest

from tests.peers.report import Expected, Outcome, Run, differences, markdown, put, surprises

LISTED = """
[[pandas]]
why = "not offered: x"
tests = ["t.py::a"]

[[pandas]]
why = "MariaDB has no y"
server = "mariadb"
tests = ["t.py::b"]

[[stock]]
message = "assert -1"
why = "stock does not know"
"""


@pytest.fixture
def expected(tmp_path):
    file = tmp_path / "expected.toml"
    file.write_text(LISTED)
    return Expected.load(file)


def outcome(ours, stock, kind="mysql", reasons=(), status=1):
    names = [f"t.py::{letter}" for letter in "abcdef"]
    runs = [Run(dict(zip(names, ends.split(), strict=False)), dict(reasons), status) for ends in (ours, stock)]
    return Outcome("pandas", "pandas 1", kind, "1.2", *runs)


def test_what_is_listed_is_no_surprise(expected):
    assert surprises(outcome("failed passed", "passed passed"), expected) == []
    assert surprises(outcome("failed failed passed", "passed passed passed", "mariadb"), expected) == []
    assert surprises(outcome("failed passed skipped xfailed", "passed passed skipped xfailed"), expected) == []


@pytest.mark.parametrize(
    ("ours", "stock", "found"),
    [
        ("failed failed", "passed failed", "t.py::b failed: "),
        ("failed skipped", "passed passed", "t.py::b skipped: with stock it is not"),
        ("failed xfailed", "passed passed", "t.py::b xfailed: with stock it is not"),
        ("passed passed", "passed passed", "t.py::a is in expected.toml, and passed: take it out"),
        ("failed", "passed passed", "t.py::b did not run, which it did with stock"),
        ("", "", "t.py::a is in expected.toml, and there is no such test"),
        ("failed", "failed", "pytest ended with 1 and 1: a run is not whole"),
    ],
)
def test_what_is_not_as_listed_is_a_surprise(expected, ours, stock, found):
    assert any(text.startswith(f"pandas 1, MySQL 1.2: {found}") for text in surprises(outcome(ours, stock), expected))


@pytest.mark.parametrize("given", [{"status": 2}, {"reasons": [("t.py::a", "ModuleNotFoundError: No module named 'x'")]}])
def test_a_run_that_is_not_whole_is_a_surprise(expected, given):
    (text,) = surprises(outcome("failed passed", "passed passed", **given), expected)
    assert "a run is not whole" in text


def test_a_test_that_is_listed_twice(tmp_path):
    file = tmp_path / "expected.toml"
    file.write_text(LISTED.replace("t.py::b", "t.py::a"))
    with pytest.raises(ValueError, match=r"names t\.py::a of pandas twice"):
        Expected.load(file)


def test_the_tables(expected, tmp_path):
    reasons = [("t.py::b", "AssertionError: assert -1 == 2"), ("t.py::c", "TypeError: a | b\nand more")]
    done = [outcome("failed passed passed skipped", "failed failed failed skipped", kind, reasons) for kind in ("mysql", "mariadb")]
    assert len(differences(done, expected)) == 4
    text = markdown(done, expected)
    assert "| pandas 1 | MySQL 1.2 | rdspool | 2 | 1 | 1 | 0 |" in text
    assert "| pandas 1 | MariaDB 1.2 | stock (pure) | 0 | 3 | 1 | 0 |" in text
    assert "| pandas 1 | not offered: x | 1 | 1 | 1 | 1 |" in text
    assert "| pandas 1 | stock does not know | 0 | 0 | 1 | 1 |" in text
    assert "| pandas 1 | `TypeError: a &#124; b` | 0 | 0 | 1 | 1 |" in text
    file = tmp_path / "README.md"
    file.write_text("a\n<!-- figures:begin -->\nold\n<!-- figures:end -->\nb\n")
    put(file, text)
    assert text in file.read_text()
    assert "old" not in file.read_text()
    with pytest.raises(LookupError, match="other.md has no"):
        put(_written(tmp_path / "other.md"), text)


def test_a_listed_reason_is_stocks_too_where_the_error_is_of_the_same_kind(expected):
    done = outcome("failed", "failed", reasons=[("t.py::a", "AttributeError: no x")])
    assert expected.why(done, "mysqlconnector", "t.py::a") == "not offered: x"
    done.stock.reasons = {"t.py::a": "TypeError: x?"}
    assert expected.why(done, "mysqlconnector", "t.py::a") == "`TypeError: x?`"
    assert expected.why(done, "rdspool", "t.py::a") == "not offered: x"


def _written(file):
    file.write_text("nothing")
    return file
