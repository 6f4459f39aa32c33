"""What is kept for the next time, within limits."""

from __future__ import annotations

from rdspool._driver.kept import Kept


def test_what_is_kept_is_found_again():
    kept = Kept(3, 5)
    value = object()
    assert kept.keep("short", value) is value
    assert kept.get("short") is value


def test_a_text_that_is_too_long_is_not_kept():
    kept = Kept(3, 5)
    assert kept.keep("longer", 1) == 1
    assert not kept


def test_where_there_are_too_many_all_go():
    kept = Kept(3, 5)
    for text in "abc":
        kept.keep(text, text)
    assert list(kept) == ["a", "b", "c"]
    kept.keep("d", "d")
    assert list(kept) == ["d"]
    kept.keep("longer", 1)
    assert list(kept) == ["d"]
