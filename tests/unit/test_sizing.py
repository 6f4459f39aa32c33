"""The model of a day: cases whose answers are known."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
from rdspool.__main__ import MOST_REQUESTS, main, span
from rdspool.sizing import DAY, HOUR, Model, arrivals, shape, simulate


def model(**options):
    """A model without cold starts, so that durations are exact."""
    return Model(**{"init": 0.0, "life": math.inf, **options})


def even(rate, seconds, duration):
    """Requests at equal distances."""
    return [(number / rate, duration) for number in range(int(rate * seconds))]


def burst(count, at=0.0, duration=1.0):
    return [(at, duration)] * count


# -- Little's law ----------------------------------------------------------------------------------------------------------------------


def test_requests_at_one_moment_are_rate_times_duration():
    # 10.5 in place of 10: at the same moment an end and a begin would both count.
    outcome = simulate(model(), even(rate=20, seconds=1000, duration=0.525), until=1000)
    assert outcome.mean_requests == pytest.approx(20 * 0.525, rel=0.01)
    assert outcome.peak_requests == 11
    assert outcome.peak_environments == outcome.environments == outcome.peak_connections == 11


def test_random_requests_have_the_same_mean():
    outcome = simulate(model(), arrivals([20.0] * 24, 0.5, seed=3, end=4 * HOUR), until=4 * HOUR)
    assert outcome.requests == pytest.approx(20 * 4 * HOUR, rel=0.02)
    assert outcome.mean_requests == pytest.approx(10, rel=0.05)


def test_yielded_connections_are_as_many_as_requests():
    outcome = simulate(model(connections="yield"), arrivals([20.0] * 24, 0.5, seed=3, end=HOUR), until=HOUR)
    assert outcome.mean_connections == pytest.approx(outcome.mean_requests)
    assert outcome.peak_connections == outcome.peak_requests
    assert outcome.connects == outcome.requests


# -- the ends of environments ----------------------------------------------------------------------------------------------------------


def closed_after(**options):
    """The second in which the connections of a burst at second 0 of one second are closed."""
    for second in range(1, 2000):
        if simulate(model(**options), burst(10), until=second).mean_connections * second < 10 * second - 1e-6:
            return second - 1
    raise AssertionError("never")


def test_an_environment_that_dies_without_a_word_keeps_its_connection_until_wait_timeout():
    assert closed_after(idle=60, wait_timeout=330, goodbye=False) == 1 + 330


def test_an_environment_that_says_goodbye_keeps_it_until_it_dies():
    assert closed_after(idle=60, wait_timeout=330, goodbye=True) == 1 + 60


def test_a_frozen_environment_keeps_it_until_wait_timeout():
    assert closed_after(idle=600, wait_timeout=330, goodbye=True) == 1 + 330


def test_the_connections_of_the_dead_and_of_the_living_add_up():
    bursts = burst(10) + burst(10, at=120)
    assert simulate(model(idle=60, wait_timeout=330, goodbye=False), bursts).peak_connections == 20
    assert simulate(model(idle=60, wait_timeout=330, goodbye=True), bursts).peak_connections == 10
    assert simulate(model(idle=600, wait_timeout=330, goodbye=False), bursts).peak_connections == 10


def test_spread_requests_keep_all_environments_alive():
    requests = burst(10) + [(float(at), 0.1) for at in range(2, 200)]
    last, spread = (simulate(model(idle=60, spread=spread), requests, until=200) for spread in (False, True))
    assert last.minutes[-1][1] == 1
    assert spread.minutes[-1][1] == 10
    assert last.environments == spread.environments == 10


def test_an_environment_ends_at_its_age():
    requests = even(rate=1, seconds=100, duration=0.1)
    assert simulate(model(), requests).environments == 1
    assert simulate(model(life=10), requests).environments == 10


# -- connections -----------------------------------------------------------------------------------------------------------------------


def test_connections_are_recycled_at_their_age():
    requests = even(rate=1, seconds=100, duration=0.1)
    assert simulate(model(pool_recycle=1000), requests).connects == 1
    assert simulate(model(pool_recycle=10), requests).connects == 10


def test_an_idle_connection_that_the_server_closed_is_made_anew():
    assert simulate(model(wait_timeout=5, pool_recycle=4), burst(1) + burst(1, at=10)).connects == 2


def test_the_minutes_show_the_peak_of_each():
    outcome = simulate(model(wait_timeout=60, others=3), burst(10, at=70), until=200)
    assert outcome.minutes == [(0, 0, 3), (10, 10, 13), (0, 10, 13), (0, 10, 3)]


# -- the limit -------------------------------------------------------------------------------------------------------------------------


def test_a_request_without_a_connection_fails_after_its_wait():
    outcome = simulate(model(max_connections=6, others=1, wait=2), burst(8, duration=10), until=100)
    assert (outcome.refused, outcome.waited, outcome.peak_connections) == (3, 0, 6)


def test_a_kept_connection_is_nobody_elses():
    frozen = burst(5) + burst(8, at=100)
    assert simulate(model(connections="keep", max_connections=5, wait=2), frozen).refused == 3
    assert simulate(model(connections="yield", max_connections=5, wait=2), frozen).refused == 0


def test_those_who_wait_get_what_is_yielded():
    outcome = simulate(model(connections="yield", max_connections=5, wait=2), burst(8))
    assert (outcome.refused, outcome.waited, outcome.longest_wait) == (0, 3, 1.0)


def test_automatic_keeps_far_from_the_limit_and_yields_near_it():
    requests = even(rate=10, seconds=100, duration=0.35)
    far, near = (simulate(model(connections="automatic", max_connections=limit), requests) for limit in (100, 5))
    assert far.connects == 4
    assert near.connects > 900
    assert near.refused == 0


# -- the traffic -----------------------------------------------------------------------------------------------------------------------


def test_a_shape_has_its_peak_and_its_base():
    rates = shape(peak=50, base=5, peak_hour=14)
    assert rates.index(max(rates)) == 14
    assert (max(rates), min(rates)) == (50, pytest.approx(5))


def test_the_same_seed_is_the_same_day():
    first, second, other = (list(arrivals([1.0] * 24, 0.1, seed=seed)) for seed in (1, 1, 2))
    assert first == second != other


def test_requests_follow_the_hours():
    rates = [0.0] * 24
    rates[6] = 10.0
    times = [at for at, _ in arrivals(rates, 0.1, seed=1)]
    assert min(times) > 5 * HOUR
    assert max(times) < 7 * HOUR
    assert len(times) == pytest.approx(10 * HOUR, rel=0.02)


def test_of_a_busy_day_the_time_around_the_peak_is_simulated():
    assert span([0.1] * 24) == (0, DAY)
    begin, end = span(shape(peak=1000, base=100, peak_hour=14))
    assert (begin + end) / 2 == 14 * HOUR
    assert (end - begin) * 1000 == pytest.approx(MOST_REQUESTS)


# -- the command -----------------------------------------------------------------------------------------------------------------------


def hours(peak):
    """An hour of traffic in the day, so that the command is quick."""
    return ",".join(["0"] * 12 + [str(peak)] + ["0"] * 11)


def size(capsys, *arguments):
    status = main(["size", "--json", *arguments])
    return status, json.loads(capsys.readouterr().out)


def test_the_command_says_what_is_needed(capsys):
    status, found = size(capsys, "--hours", hours(4), "--reserve", "0.5")
    assert status == 0
    assert found["needs"]["keep"] == 2 * found["unlimited"]["keep"]["peak_connections"]
    assert f"at least {found['needs']['keep']}" in found["advice"][0]
    assert found["limited"] == {}


@pytest.mark.parametrize(
    ("options", "said", "status"),
    [
        (["--max-connections", "500"], "max_connections=500 is enough: ", 0),
        (["--max-connections", "4", "--duration", "2000", "--wait", "0"], "RDS Proxy is due, or max_connections", 1),
    ],
)
def test_the_command_advises(capsys, options, said, status):
    returned, found = size(capsys, "--hours", hours(4), *options)
    assert said in found["advice"][0]
    assert returned == status


def test_the_command_says_when_iam_is_too_slow(capsys):
    _, found = size(capsys, "--hours", hours(300), "--duration", "5")
    assert "IAM is made for fewer than 200" in found["advice"][-1]


def test_the_command_prints_a_table(capsys):
    main(["size", "--hours", hours(4), "--max-connections", "10"])
    printed = capsys.readouterr().out
    for part in ("requests in 24 hours", "keep", "yield", "automatic", "max_connections=10"):
        assert part in printed


@pytest.mark.parametrize(
    "arguments",
    [[], ["--peak", "-1"], ["--hours", "1,2"], ["--peak", "5", "--duration", "0"], ["--peak", "5", "--reserve", "1"], ["--peak", "x"]],
)
def test_wrong_arguments(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(["size", *arguments])
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_import_rdspool_imports_nothing_of_it():
    code = "import sys, rdspool; sys.exit(bool({'argparse', 'rdspool.sizing', 'rdspool.__main__'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
