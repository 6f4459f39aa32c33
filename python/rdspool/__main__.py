"""The commands of `python -m rdspool`: `size` says how many connections a function's traffic needs, `doctor` why a connect fails."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from ._settings.defaults import CONNECTIONS
from .sizing import DAY, HOUR, Model, Outcome, arrivals, shape, simulate

MOST_REQUESTS: Final = 400_000
"""Requests that are simulated at most. Of a day with more, only the time around its peak is."""
MAY_WAIT: Final = 0.001
"""Share of the requests that may wait for a connection."""
IAM_CONNECTS: Final = 200
"""New connections per second from which IAM is not the way to sign in (Amazon RDS User Guide, "IAM database authentication")."""
DEFAULT: Final = Model()

ABOUT: Final = """\
Simulate a day of a function's traffic: the environments that Lambda makes for it, and the connections that they hold. Say how many
connections the server needs, what happens with the ones it has, and when an RDS Proxy is due. The same seed gives the same day.
"""
DOCTOR: Final = """\
Examine the way from here to the database, step by step: settings, versions, credentials, DNS, TCP, TLS, sign-in, database, role and limits.
Say for each step what was found, why it failed, and what to do. The exit status is 1 if a step failed, and 0 if none did.
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    made = argparse.ArgumentParser(prog="python -m rdspool", description="Tools beside the engine.")
    commands = made.add_subparsers(dest="command", required=True)
    doctor = commands.add_parser("doctor", description=DOCTOR, help="why the database is not reached, and what to do")
    doctor.add_argument("name", nargs="?", metavar="NAME", help='the engine, as in get_engine("NAME") (default: the unnamed one)')
    doctor.add_argument("--json", action="store_true", help="print JSON, once all steps are done")
    doctor.add_argument("--no-color", action="store_true", help="print no colours on a terminal (as with NO_COLOR)")
    size = commands.add_parser("size", description=ABOUT, help="how many connections are needed")
    traffic = size.add_argument_group("traffic")
    given = traffic.add_mutually_exclusive_group(required=True)
    given.add_argument("--peak", type=_number, metavar="RPS", help="requests per second in the busiest hour")
    given.add_argument("--hours", type=_hours, metavar="RPS,...", help="24 numbers: requests per second at the begin of each hour")
    traffic.add_argument("--base", type=_number, metavar="RPS", help="requests per second at night (default: a tenth of the peak)")
    traffic.add_argument("--peak-hour", type=_number, default=14.0, metavar="HOUR", help="hour of the peak, 0 to 24 (default 14)")
    traffic.add_argument("--duration", type=_positive, default=100.0, metavar="MS", help="mean milliseconds of a request (default 100)")
    traffic.add_argument("--seed", type=int, default=1, help="number that the random times come from (default 1)")

    lambda_ = size.add_argument_group("environments")
    lambda_.add_argument(
        "--idle", type=_positive, default=DEFAULT.idle, metavar="S", help=_help("idle seconds until Lambda ends one", DEFAULT.idle)
    )
    lambda_.add_argument(
        "--life", type=_positive, default=DEFAULT.life, metavar="S", help=_help("seconds until Lambda ends a used one", DEFAULT.life)
    )
    lambda_.add_argument(
        "--init", type=_number, default=DEFAULT.init * 1000, metavar="MS", help=_help("milliseconds of a cold start", DEFAULT.init * 1000)
    )
    lambda_.add_argument("--spread", action="store_true", help="the one that was idle for the longest serves next: the worst case")
    lambda_.add_argument("--no-goodbye", action="store_true", help="they end without closing their connections (RDSPOOL_SHUTDOWN=false)")

    server = size.add_argument_group("connections")
    server.add_argument("--max-connections", type=int, metavar="N", help="the server's limit: simulate with it too")
    server.add_argument("--others", type=int, default=0, metavar="N", help="connections of other programs (default 0)")
    server.add_argument("--reserve", type=_share, default=0.2, metavar="SHARE", help="part of max_connections to keep free (default 0.2)")
    server.add_argument(
        "--wait-timeout",
        type=_positive,
        default=DEFAULT.wait_timeout,
        metavar="S",
        help=_help("RDSPOOL_WAIT_TIMEOUT in seconds", DEFAULT.wait_timeout),
    )
    server.add_argument(
        "--pool-recycle",
        type=_positive,
        default=DEFAULT.pool_recycle,
        metavar="S",
        help=_help("RDSPOOL_POOL_RECYCLE in seconds", DEFAULT.pool_recycle),
    )
    server.add_argument(
        "--wait",
        type=_number,
        default=DEFAULT.wait,
        metavar="S",
        help=_help("seconds that a refused connect is tried again for", DEFAULT.wait),
    )
    size.add_argument("--json", action="store_true", help="print JSON, with a row per minute")
    return made


def size(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the command found: the traffic, the outcome of each mode without a limit and with it, and the advice."""
    rates = options.hours or shape(options.peak, options.peak / 10 if options.base is None else options.base, options.peak_hour)
    duration = options.duration / 1000
    begin, end = span(rates)
    model = Model(
        idle=options.idle,
        life=options.life,
        init=options.init / 1000,
        spread=options.spread,
        goodbye=not options.no_goodbye,
        wait_timeout=options.wait_timeout,
        pool_recycle=options.pool_recycle,
        others=options.others,
        wait=options.wait,
    )

    def outcome(mode: str, limit: int | None) -> Outcome:
        requests = arrivals(rates, duration, options.seed, begin=begin, end=end)
        return simulate(replace(model, connections=mode, max_connections=limit), requests, end - begin)

    free = {mode: outcome(mode, None) for mode in ("keep", "yield")}
    needs = {mode: math.ceil(one.peak_connections / (1 - options.reserve)) for mode, one in free.items()}
    limited = {mode: outcome(mode, options.max_connections) for mode in CONNECTIONS} if options.max_connections else {}
    return {
        "rates": list(rates),
        "duration": duration,
        "begin": begin,
        "end": end,
        "max_connections": options.max_connections,
        "needs": needs,
        "unlimited": free,
        "limited": limited,
        "advice": advice(needs, free, limited, options.max_connections),
    }


def span(rates: Sequence[float]) -> tuple[float, float]:
    """Return the begin and the end of what is simulated, in seconds of the day: all of it, or the time around the peak."""
    if sum(rates) * HOUR <= MOST_REQUESTS:
        return 0.0, DAY
    peak = rates.index(max(rates)) * HOUR
    half = min(DAY, MOST_REQUESTS / max(rates)) / 2
    return peak - half, peak + half


def advice(needs: dict[str, int], free: dict[str, Outcome], limited: dict[str, Outcome], limit: int | None) -> list[str]:
    """Return what to do, in sentences."""
    said = []
    connects = free["yield"].peak_connects
    if limit is None:
        said.append(f"Give the server max_connections of at least {needs['keep']}; {needs['yield']} with RDSPOOL_CONNECTIONS=yield.")
        yields = True
    else:
        enough = [mode for mode in ("automatic", "yield") if _serves(limited[mode])]
        yields = needs["keep"] > limit
        if not yields:
            said.append(f"max_connections={limit} is enough: {needs['keep']} are needed, with what is kept free.")
        elif enough:
            said.append(
                f"max_connections={limit} is enough with RDSPOOL_CONNECTIONS={enough[0]}; with keep, {needs['keep']} would be needed."
            )
            if needs["yield"] > limit:
                said.append(f"Less is free than --reserve asks for: that would take {needs['yield']}.")
        else:
            said.append(
                f"RDS Proxy is due, or max_connections of at least {needs['yield']}, or reserved concurrency for the function: there are up to "
                f"{free['yield'].peak_requests} requests at one moment, and each needs a connection."
            )
    if yields and connects > IAM_CONNECTS:
        said.append(
            f"With RDSPOOL_CONNECTIONS=yield there are up to {connects} connects in a second, and IAM is made for fewer than {IAM_CONNECTS}: "
            "RDS Proxy is due where connections have to be yielded."
        )
    return said


def _serves(outcome: Outcome) -> bool:
    return outcome.refused == 0 and outcome.waited <= outcome.requests * MAY_WAIT


def text(found: dict[str, Any]) -> str:
    """Return what the command prints."""
    free, limited = found["unlimited"], found["limited"]
    kept = free["keep"]
    hours = (found["end"] - found["begin"]) / HOUR
    lines = [
        f"{kept.requests:,} requests in {hours:.3g} hours{'' if hours == DAY / HOUR else ' around the peak'}, up to {max(found['rates']):g} per second, {found['duration'] * 1000:g} ms each.",
        f"Up to {kept.peak_requests} at one moment, in up to {kept.peak_environments} environments ({kept.environments} in all).",
        "",
        f"{'without a limit':18}{'peak':>8}{'needed':>8}{'connects':>12}{'in a second':>13}",
        *(
            f"{mode:18}{one.peak_connections:>8}{found['needs'][mode]:>8}{one.connects:>12,}{one.peak_connects:>13}"
            for mode, one in free.items()
        ),
    ]
    if limited:
        lines += [
            "",
            f"{'max_connections=' + str(found['max_connections']):22}{'peak':>8}{'waited':>10}{'longest':>9}{'failed':>10}{'connects':>12}",
        ]
        lines += [
            f"{mode:22}{one.peak_connections:>8}{_part(one.waited, one):>10}{one.longest_wait:>7.1f} s{_part(one.refused, one):>10}{one.connects:>12,}"
            for mode, one in limited.items()
        ]
    return "\n".join([*lines, "", *found["advice"], ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 1 where requests fail in the mode automatic with the given limit, or a step failed."""
    options = parser().parse_args(arguments)
    if options.command == "doctor":
        from .doctor.command import run  # imported only when it is used

        return run(options.name, as_json=options.json, colour=False if options.no_color else None)
    found = size(options)
    if options.json:
        as_json = found | {key: {mode: asdict(one) for mode, one in found[key].items()} for key in ("unlimited", "limited")}
        sys.stdout.write(json.dumps(as_json, indent=1) + "\n")
    else:
        sys.stdout.write(text(found))
    return 1 if found["limited"] and found["limited"]["automatic"].refused else 0


def _part(count: int, outcome: Outcome) -> str:
    return f"{count / max(1, outcome.requests):.2%}"


def _help(what: str, default: float) -> str:
    return f"{what} (default {default:g})"


def _number(value: str) -> float:
    number = float(value)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{value} is not a number from 0 up")
    return number


def _positive(value: str) -> float:
    number = _number(value)
    if number == 0:
        raise argparse.ArgumentTypeError("it has to be above 0")
    return number


def _share(value: str) -> float:
    number = _number(value)
    if number >= 1:
        raise argparse.ArgumentTypeError(f"{value} is not a share from 0 to below 1")
    return number


def _hours(value: str) -> list[float]:
    rates = [_number(one) for one in value.split(",")]
    if len(rates) != 24:
        raise argparse.ArgumentTypeError(f"there are {len(rates)} numbers, and a day has 24 hours")
    return rates


if __name__ == "__main__":
    sys.exit(main())
