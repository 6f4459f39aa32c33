"""Publishing when AWS fails: nothing is published twice, one region's failure affects no other, and the report is true."""

from __future__ import annotations

import json
import signal
import subprocess
from contextlib import contextmanager

import pytest
from publishing import (
    LATEST,
    LAYER,
    REGION,
    REGIONS,
    Done,
    build,
    command,
    environment,
    parameter,
    principals,
    problem,
    publish,
    publishing,
    report,
    run,
    statuses,
    versions,
)

from layer import matrix
from local.aws import Call, Close, Delay, LoseAnswer, Refuse, Silence, disabled, throttled
from tests.waiting import wait_until

BAD = REGION
GOOD = [name for name in REGIONS if name != BAD]


def wait_until_called(aws, operation, process, times=1):
    """Return when `process`, which runs, has called the operation so many times."""
    wait_until(lambda: process.poll() is not None or len(aws.calls(operation)) >= times, f"{times} calls of {operation}")
    assert process.poll() is None, process.stderr.read() if process.stderr else "it has ended"


def test_one_region_of_five_fails_and_the_next_run_does_only_that_one(aws, dist):
    aws.fault(when=Call(operation="PublishLayerVersion", region=BAD), do=Refuse(403, "AccessDeniedException", "no"), times=None)
    first = publish(aws, dist)
    assert first.returncode == 1
    assert statuses(first) == {**dict.fromkeys(GOOD, "published"), BAD: "failed"}
    assert report(first)["ok"] is False
    assert versions(aws, BAD) == []
    assert parameter(aws, BAD) is None
    aws.clear()
    second = publish(aws, dist)
    assert second.returncode == 0
    assert statuses(second) == {**dict.fromkeys(GOOD, "as wanted"), BAD: "published"}
    assert [record.region for record in aws.calls("PublishLayerVersion")] == [BAD]
    assert {region: versions(aws, region) for region in REGIONS} == {key: [1] for key in REGIONS}


@pytest.mark.parametrize("number", [1, 4])
def test_killed_in_a_region_after_lambda_had_published_then_run_again(aws, dist, tmp_path, number):
    kept = tmp_path / "report.json"
    aws.fault(when=Call(operation="PublishLayerVersion"), do=Delay(30), after=number - 1, times=1)
    arguments = publishing(dist, "", "--yes", "--parallel", 1, "--report", kept)
    with subprocess.Popen(
        command(*arguments), cwd=matrix.PROJECT, env=environment(aws), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        wait_until_called(aws, "PublishLayerVersion", process, number)
        process.send_signal(signal.SIGKILL)
    done_by_then = [(row["region"], row["status"]) for row in json.loads(kept.read_text())["layers"]] if kept.exists() else []
    assert done_by_then == [(region, "published") for region in REGIONS[: number - 1]]
    # The region in which it was killed has a version that nothing knows of.
    assert versions(aws, REGIONS[number - 1]) == [1]
    assert parameter(aws, REGIONS[number - 1]) is None
    aws.clear()
    again = publish(aws, dist)
    assert again.returncode == 0, again.stderr
    expected = ["as wanted"] * (number - 1) + ["completed"] + ["published"] * (len(REGIONS) - number)
    assert list(statuses(again).values()) == expected
    for row in report(again)["layers"]:
        assert versions(aws, row["region"]) == [1]
        assert parameter(aws, row["region"]) == row["arn"] == f"arn:aws:lambda:{row['region']}:{aws.account}:layer:{LAYER}:1"


def test_five_regions_of_which_one_refuses_killed_half_way_and_run_again(aws, dist):
    aws.fault(when=Call(region=BAD, service="lambda"), do=Refuse(500, "ServiceException", "try later"), times=None)
    aws.fault(when=Call(operation="PublishLayerVersion"), do=Delay(30), after=1, times=1)
    with subprocess.Popen(
        command(*publishing(dist, "", "--yes", "--parallel", 1)),
        cwd=matrix.PROJECT,
        env=environment(aws),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        wait_until_called(aws, "PublishLayerVersion", process, 2)
        process.send_signal(signal.SIGKILL)
    again = publish(aws, dist)
    assert again.returncode == 1
    assert statuses(again) == {
        "eu-central-1": "as wanted",
        "eu-north-1": "completed",
        "eu-west-1": "failed",
        "us-east-1": "published",
        "us-west-2": "published",
    }
    assert {region: versions(aws, region) for region in GOOD} == {key: [1] for key in GOOD}
    aws.clear()
    assert versions(aws, BAD) == []
    last = publish(aws, dist)
    assert statuses(last) == {**dict.fromkeys(GOOD, "as wanted"), BAD: "published"}


@contextmanager
def interrupted(aws, dist, operation: str, *more: object):
    """Run a publication, interrupt it (Ctrl-C) as soon as `operation` was called, and yield what it left."""
    aws.fault(when=Call(operation=operation), do=Delay(1), times=None)
    with subprocess.Popen(
        command(*publishing(dist, "", "--yes", "--json", "--parallel", 1, *more)),
        cwd=matrix.PROJECT,
        env=environment(aws),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until_called(aws, operation, process)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate()
    yield Done(process.returncode, stdout, stderr)
    aws.clear()


def test_ctrl_c_while_planning_ends_it_and_changes_nothing(aws, dist):
    with interrupted(aws, dist, "ListLayerVersions") as done:
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
    assert {region: versions(aws, region) for region in REGIONS} == {region: [] for region in REGIONS}


def test_ctrl_c_while_publishing_ends_soon_with_a_report_that_is_true(aws, dist):
    with interrupted(aws, dist, "PublishLayerVersion") as done:
        assert done.returncode == 1
        first, *others = report(done)["layers"]
    assert (first["status"], first["done"]) == ("failed", ["published version 1"])
    assert first["problems"] == ["stopped before its parameters were set: run this again"]
    assert [row["problems"] for row in others] == [["not tried: stopped"]] * 4
    assert {region: versions(aws, region) for region in REGIONS} == {region: [1] if region == REGIONS[0] else [] for region in REGIONS}
    assert list(statuses(publish(aws, dist)).values()) == ["completed"] + ["published"] * 4


@pytest.mark.parametrize("do", [LoseAnswer(), Refuse(503, "ServiceUnavailableException", "later"), throttled(), Close()])
def test_a_publication_that_goes_wrong_once_is_repeated_after_a_look(aws, dist, do):
    aws.fault(when=Call(operation="PublishLayerVersion"), do=do)
    done = publish(aws, dist, BAD)
    assert done.returncode == 0, done.stdout
    assert statuses(done) == {BAD: "published"}
    assert versions(aws, BAD) == [1]
    lost = "answer was lost" in " ".join(report(done)["layers"][0]["done"])
    assert lost == isinstance(do, LoseAnswer)


@pytest.mark.parametrize("operation", ["AddLayerVersionPermission", "PutParameter"])
def test_a_lost_answer_to_what_can_be_repeated_does_no_harm(aws, dist, operation):
    aws.fault(when=Call(operation=operation), do=LoseAnswer())
    done = publish(aws, dist, BAD, "--share", "public")
    assert done.returncode == 0, done.stdout
    assert principals(aws, BAD, 1) == {"public"}
    assert parameter(aws, BAD, LATEST).endswith(":1")


def test_throttling_is_waited_out(aws, dist):
    aws.fault(when=Call(operation="ListLayerVersions"), do=throttled(), times=2)
    assert statuses(publish(aws, dist, BAD)) == {BAD: "published"}


def test_a_region_that_does_not_answer_blocks_no_other(aws, dist):
    aws.fault(when=Call(region=BAD), do=Silence(), times=None)
    done = publish(aws, dist, "", "--timeout", 1)
    assert statuses(done) == {**dict.fromkeys(GOOD, "published"), BAD: "failed"}
    assert "eu-west-1 did not answer in time (lambda:ListLayerVersions on arn:aws:lambda:eu-west-1:" in problem(done)


def test_a_lost_region_is_not_asked_again_for_each_layer(aws, tmp_path):
    dist = build(tmp_path / "dist", *(target for target in matrix.targets() if target.python == "3.13"))
    aws.fault(when=Call(region=BAD), do=disabled(), times=None)
    done = run(aws, *publishing(dist, BAD, "--yes", "--json", layers=["--python", "3.13"]))
    assert [row["status"] for row in report(done)["layers"]] == ["failed"] * 2
    assert len([record for record in aws.calls() if record.region == BAD]) == 1


def test_a_region_that_is_not_enabled_is_a_failure_only_where_it_was_named(aws, dist):
    partition = matrix.partitions()["aws"]
    optional = partition.opt_in_regions
    for region in optional:
        aws.fault(when=Call(region=region), do=disabled(), times=None)
    everywhere = run(aws, *publishing(dist, "all", "--json"))
    assert everywhere.returncode == 0, everywhere.stdout
    assert report(everywhere)["counts"] == {"to publish": len(partition.regions), "disabled": len(optional)}
    named = run(aws, *publishing(dist, optional[0], "--json"))
    assert named.returncode == 1
    assert f"{optional[0]} does not know these credentials" in problem(named, optional[0])
    assert "not enabled in the account" in problem(named, optional[0])
