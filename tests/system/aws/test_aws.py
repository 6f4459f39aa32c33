"""The AWS API on this machine: regions and accounts apart, what moto leaves out, faults, and its end with its user."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request

import boto3
import pytest
from botocore import exceptions
from botocore.config import Config
from publishing import client

import local.aws
from layer.matrix import PROJECT
from local.aws import Call, Close, Delay, LoseAnswer, Refuse, Silence, throttled
from tests.waiting import wait_until

LAYER = "a-layer"
WHAT = {"LayerName": LAYER, "VersionNumber": 1, "Action": "lambda:GetLayerVersion"}


@pytest.fixture
def api(aws):
    return client(aws, "lambda", "eu-west-1")


def once(aws, **options):
    keys, config = aws.variables(), Config(retries={"total_max_attempts": 1, "mode": "standard"}, **options)
    session = boto3.Session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
    return session.client("lambda", region_name="eu-west-1", endpoint_url=aws.address, config=config)


def publish(api, data: bytes = b"zip"):
    return api.publish_layer_version(LayerName=LAYER, Content={"ZipFile": data})


def test_regions_and_accounts_are_apart(aws, api):
    publish(api)
    for other in (client(aws, "lambda", "us-east-1"), client(aws, "lambda", "eu-west-1", "111122223333")):
        assert other.list_layer_versions(LayerName=LAYER)["LayerVersions"] == []
    assert client(aws, "sts", "us-east-1", "111122223333").get_caller_identity()["Account"] == "111122223333"


def test_calls_are_recorded_by_account_region_and_operation(aws, api):
    publish(api)
    client(aws, "ssm", "us-east-1").put_parameter(Name="/a", Value="1", Type="String")
    client(aws, "s3", "us-east-1").create_bucket(Bucket="a-bucket")
    client(aws, "s3", "us-east-1").put_object(Bucket="a-bucket", Key="a/b/c", Body=b"1")
    assert [(record.account, record.region, record.service, record.operation, record.status) for record in aws.calls()] == [
        (aws.account, "eu-west-1", "lambda", "PublishLayerVersion", 201),
        (aws.account, "us-east-1", "ssm", "PutParameter", 200),
        (aws.account, "us-east-1", "s3", "CreateBucket", 200),
        (aws.account, "us-east-1", "s3", "PutObject", 200),
    ]


def test_a_second_statement_of_the_same_name_is_a_conflict(aws, api):
    publish(api)
    api.add_layer_version_permission(**WHAT, StatementId="public", Principal="*")
    with pytest.raises(api.exceptions.ResourceConflictException):
        api.add_layer_version_permission(**WHAT, StatementId="public", Principal="*")


def test_a_zip_over_the_limit_is_refused():
    with local.aws.start(direct_upload=1000) as aws, pytest.raises(exceptions.ClientError, match="RequestEntityTooLarge"):
        publish(client(aws, "lambda", "eu-west-1"), os.urandom(1200))


def test_the_location_gives_the_zip(aws, api):
    with urllib.request.urlopen(publish(api, b"the zip")["Content"]["Location"]) as answer:  # noqa: S310 (our own server)
        assert answer.read() == b"the zip"


def test_versions_come_in_pages(aws, api):
    for number in range(5):
        publish(api, b"%d" % number)
    pages = api.get_paginator("list_layer_versions").paginate(LayerName=LAYER, PaginationConfig={"PageSize": 2})
    assert [[version["Version"] for version in page["LayerVersions"]] for page in pages] == [[5, 4], [3, 2], [1]]


def test_another_accounts_version_is_had_by_arn_if_its_policy_says_so(aws, api):
    arn = publish(api)["LayerVersionArn"]
    other = client(aws, "lambda", "eu-west-1", "111122223333")
    with pytest.raises(exceptions.ClientError, match="not authorized to perform: lambda:GetLayerVersion"):
        other.get_layer_version_by_arn(Arn=arn)
    api.add_layer_version_permission(**WHAT, StatementId="one", Principal="111122223333")
    assert other.get_layer_version_by_arn(Arn=arn)["LayerVersionArn"] == arn


def test_a_fault_happens_as_often_as_it_was_ordered_and_only_to_its_calls(aws, api):
    aws.fault(when=Call(operation="PublishLayerVersion", region="eu-west-1"), do=Refuse(400, "Some", "why"), times=1, after=1)
    publish(api)
    publish(client(aws, "lambda", "us-east-1"))
    with pytest.raises(exceptions.ClientError, match=r"\(Some\).*why"):
        publish(api)
    publish(api)


def test_throttling_is_what_botocore_takes_for_it(aws, api):
    aws.fault(when=Call(), do=throttled())
    assert publish(api)["ResponseMetadata"]["RetryAttempts"] == 1


@pytest.mark.parametrize("do", [LoseAnswer(), Close()])
def test_a_connection_that_is_cut_does_not_say_whether_it_was_done(aws, api, do):
    aws.fault(when=Call(operation="PublishLayerVersion"), do=do)
    with pytest.raises(exceptions.ConnectionClosedError):
        publish(once(aws))
    assert len(api.list_layer_versions(LayerName=LAYER)["LayerVersions"]) == isinstance(do, LoseAnswer)


@pytest.mark.parametrize("do", [Silence(), Delay(2)])
def test_silence_and_delay_last_longer_than_the_client_waits(aws, do):
    aws.fault(when=Call(), do=do)
    with pytest.raises(exceptions.ReadTimeoutError):
        publish(once(aws, read_timeout=0.5))


def test_it_ends_with_the_process_that_started_it_even_if_that_is_killed():
    program = (
        "import local.aws, os, signal\n"
        "with local.aws.start() as aws:\n"
        "    print(aws.address, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False)
    address = done.stdout.strip()
    assert address.startswith("http://127.0.0.1:"), done.stderr
    wait_until(lambda: not answers(address), "the API ends with the process that started it")


def answers(address: str) -> bool:
    """Return whether an HTTP server answers there."""
    try:
        urllib.request.urlopen(address, timeout=1).close()  # noqa: S310 (our own server)
    except OSError:
        return False
    return True
