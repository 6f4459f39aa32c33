"""The sentences of the benchmark about peers that are ahead, from made-up figures."""

from __future__ import annotations

import pytest

from tests.bench.losses import losses

ROW = "- CPU time, ms, warm SELECT + ROLLBACK: "


def figure(median, spread=0.0, repeats=9):
    return {"median": median, "low": median, "lower": median - spread, "upper": median + spread, "high": median, "repeats": repeats}


def outcome(**figures):
    """Return results in which contenders have a figure for `select_cpu`."""
    return {"contenders": {name: {"figures": {"select_cpu": one}} for name, one in figures.items()}}


def test_peers_ahead_are_named_with_the_difference_fastest_first():
    lines = losses(outcome(stock_c=figure(0.4), mysqlclient=figure(0.2), mariadb=figure(0.1), rdspool=figure(0.25)))
    assert lines[0] == "Where a peer is ahead of rdspool:"
    assert f"{ROW}rdspool 0.25; mariadb 0.10 (rdspool needs 2.5 times as much), mysqlclient 0.20 (25% more)." in lines
    assert "stock C" not in " ".join(lines)


def test_a_difference_within_the_spread_is_not_called_a_loss():
    lines = losses(outcome(mysqlclient=figure(0.2, 0.02), rdspool=figure(0.21, 0.02)))
    assert lines[0] == "No peer is clearly ahead of rdspool in any row."
    assert lines[-1] == "Where a peer is ahead by less than the spread of the figures: CPU time, ms, warm SELECT + ROLLBACK: mysqlclient."


def test_a_single_figure_has_no_spread_to_be_sure_of():
    assert "less than the spread" in losses(outcome(mariadb=figure(0.1, repeats=1), rdspool=figure(0.2)))[-1]


def test_a_count_needs_no_spread():
    results = outcome(mariadb={}, rdspool={})
    for name, count in (("mariadb", 10), ("rdspool", 11)):
        results["contenders"][name]["figures"] = {"import_files": figure(count, repeats=1)}
    assert "- Files opened, import and engine: rdspool 11; mariadb 10 (rdspool needs 10% more)." in losses(results)


@pytest.mark.parametrize("ours", [0.1, 0.2, 0.2005])
def test_no_loss_is_said_in_a_sentence(ours):
    assert losses(outcome(mysqlclient=figure(0.2), rdspool=figure(ours))) == ["No peer is ahead of rdspool in any row."]


def test_an_earlier_rdspool_is_no_peer():
    assert losses(outcome(rdspool=figure(0.2), before=figure(0.1))) == []
