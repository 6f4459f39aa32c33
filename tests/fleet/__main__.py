"""The command of the fleet: `python -m tests.fleet --help`."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from local.server.server import KINDS
from tests.function_rig import table

from .fleet import QUERY, RECIPES, Plan, Result, modelled, run

HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/fleet/run.sh", description="Run more environments than the server takes connections.")
    parser.add_argument("--environments", type=int, default=40, help="environments of the function (default 40)")
    parser.add_argument("--max-connections", type=int, default=30, help="the server's limit (default 30)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the rounds' sizes (default 1)")
    parser.add_argument("--server", choices=KINDS, default="mysql", help="the server (default mysql)")
    parser.add_argument("--output", type=Path, default=HERE / "report.md", help="the report's file (default: report.md beside this file)")
    options = parser.parse_args()
    plan = Plan(options.server, options.environments, options.max_connections, options.seed)
    results = []
    for recipe in RECIPES:
        sys.stderr.write(f"{recipe.name} ...\n")
        results.append(run(recipe, plan))
    command = shlex.join(
        [
            "tests/fleet/run.sh",
            *("--environments", str(options.environments)),
            *("--max-connections", str(options.max_connections)),
            *("--seed", str(options.seed)),
            *("--server", options.server),
        ]
    )
    options.output.write_text(report(results, command, plan))
    return 0


def report(results: Sequence[Result], command: str, plan: Plan) -> str:
    """Return the report in Markdown."""
    phases = [
        [
            of[0].name,
            of[0].invocations,
            *(f"{one.failed} failed, {one.connections} connections after it" for one in of),
        ]
        for of in zip(*(result.phases for result in results), strict=True)
    ]
    names = [result.recipe.name for result in results]
    total = [
        ["invocations", *(sum(phase.invocations for phase in result.phases) for result in results)],
        ["failed invocations", *(f"**{sum(phase.failed for phase in result.phases)}**" for result in results)],
        ["slowest that succeeded, s", *(f"{result.slowest:.1f}" for result in results)],
        ["connects refused by the server", *(result.refused for result in results)],
        ["peak connections", *(result.peak for result in results)],
        ["connections left over at the end", *(f"**{result.left_over}**" for result in results)],
        ["errors", *("; ".join(f"{count} {error}" for error, count in result.errors.most_common()) or "none" for result in results)],
    ]
    model = []
    for result in results:
        outcome = modelled(result, plan)
        model.append(
            [
                result.recipe.name,
                outcome.requests,
                f"{result.failed_before_deaths} / {outcome.refused}",
                f"{result.peak_before_deaths} / {outcome.peak_connections}",
            ]
        )
    about = (
        "Each environment is a process of the function with Lambda's runtime client, each recipe has a new server, and an invocation runs "
        f"one query of {QUERY * 1000:.0f} ms. The usual recipe is SQLAlchemy's create_engine() with a creator that signs a token with boto3 "
        "and connects with mysql-connector-python, pool_recycle=60. rdspool runs with its defaults, except for "
        f"RDSPOOL_WAIT_TIMEOUT={plan.wait_timeout}, so that its effect is seen within the run. An environment that ends without a signal is "
        "stopped for ever: a machine that is gone closes no connection."
    )
    about_model = (
        "`python -m rdspool size` simulates environments and connections. Its model, with the times of the invocations before the first "
        "death, beside what was measured (measured / model):"
    )
    return "\n".join(
        [
            "# A fleet",
            "",
            f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}: {results[0].what_ran}, max_connections={plan.limit}.",
            "",
            about,
            "",
            table(["", *names], total),
            "",
            "## Phase by phase",
            "",
            table(["phase", "invocations", *names], phases),
            "",
            "## The model",
            "",
            about_model,
            "",
            table(["recipe", "invocations", "failed", "peak connections"], model),
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
