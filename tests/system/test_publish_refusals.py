"""Publishing when AWS refuses: every refusal in words with its fix; large zips through S3; whose credentials are used."""

from __future__ import annotations

import json

import pytest
from publishing import (
    LATEST,
    LAYER,
    TARGET,
    build,
    client,
    principals,
    publishing,
    report,
    run,
    versions,
)

import local.aws
from local.aws import Call, Refuse

BAD = "eu-west-1"


@pytest.fixture(scope="module")
def server():
    with local.aws.start(direct_upload=1_000_000) as aws:
        yield aws


@pytest.fixture
def aws(server):
    server.reset()
    return server


@pytest.fixture
def dist(tmp_path):
    return build(tmp_path / "dist")


def publish(aws, dist, regions, *more):
    return run(aws, *publishing(dist, regions, "--yes", "--json", *more))


def problem(done, region=BAD):
    (row,) = [row for row in report(done)["layers"] if row["region"] == region]
    return " ".join(row["problems"])


def test_after_a_failure_the_row_says_what_had_been_done(aws, dist):
    aws.fault(when=Call(operation="PutParameter"), do=Refuse(400, "AccessDeniedException", "no"), times=None)
    done = publish(aws, dist, BAD)
    (row,) = report(done)["layers"]
    assert (row["status"], row["version"], row["done"]) == ("failed", 1, ["published version 1"])
    assert row["problems"] == [
        (
            f"the caller may not do ssm:PutParameter on arn:aws:ssm:eu-west-1:{aws.account}:parameter"
            f"{LATEST.replace('latest', row['release'])}: allow it in the role's policy (layer/README.md has the whole policy)"
        )
    ]


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (
            Refuse(
                403,
                "AccessDeniedException",
                "User: arn:aws:iam::1:user/ci is not authorized to perform: lambda:PublishLayerVersion on resource:"
                " arn:aws:lambda:x because no identity-based policy allows the lambda:PublishLayerVersion action",
            ),
            "arn:aws:iam::1:user/ci may not do lambda:PublishLayerVersion on arn:aws:lambda:x: allow it in the role's policy",
        ),
        (Refuse(403, "ExpiredTokenException", "expired"), "the credentials have expired"),
        (Refuse(400, "CodeStorageExceededException", "full"), "remove old versions with `python -m layer prune`"),
        (Refuse(413, "RequestEntityTooLargeException", "big"), "give --bucket to upload it through S3"),
        (Refuse(400, "InvalidParameterValueException", "bad"), "Lambda rejects a value of the request (bad)"),
    ],
)
def test_a_refusal_is_told_in_words_with_its_fix(aws, dist, refusal, words):
    aws.fault(when=Call(operation="PublishLayerVersion"), do=refusal, times=None)
    done = publish(aws, dist, BAD)
    assert done.returncode == 1
    assert words in problem(done)
    assert len(aws.calls("PublishLayerVersion")) == 1


def test_wrong_credentials_end_it_before_anything(aws, dist):
    aws.fault(when=Call(operation="GetCallerIdentity"), do=Refuse(403, "ExpiredToken", "expired"), times=None)
    done = publish(aws, dist, BAD)
    assert done.returncode == 1
    assert "account default: the credentials have expired" in done.stderr
    assert "sign in again" in done.stderr


def test_no_credentials_at_all_are_told_with_what_to_do(aws, dist):
    done = run(aws, *publishing(dist, BAD), AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert done.returncode == 1
    assert "no AWS credentials" in done.stderr
    assert "aws sso login" in done.stderr


def test_a_statement_that_was_added_meanwhile_is_what_is_wanted(aws, dist):
    publish(aws, dist, BAD)
    client(aws, "lambda", BAD).add_layer_version_permission(
        LayerName=LAYER, VersionNumber=1, StatementId="public", Action="lambda:GetLayerVersion", Principal="*"
    )
    # The first look finds no policy yet, as when two publishers run at once.
    aws.fault(when=Call(operation="GetLayerVersionPolicy"), do=Refuse(404, "ResourceNotFoundException", "none"), times=2)
    done = publish(aws, dist, BAD, "--share", "public")
    assert done.returncode == 0, done.stdout
    assert [record.status for record in aws.calls("AddLayerVersionPermission")][-1] == 409
    assert principals(aws, BAD, 1) == {"public"}


def test_a_statement_of_that_name_that_says_something_else_is_an_error(aws, dist):
    publish(aws, dist, BAD)
    client(aws, "lambda", BAD).add_layer_version_permission(
        LayerName=LAYER, VersionNumber=1, StatementId="public", Action="lambda:GetLayerVersion", Principal="999988887777"
    )
    done = publish(aws, dist, BAD, "--share", "public")
    assert done.returncode == 1
    assert "has another statement with the id 'public': remove it" in problem(done)


def test_a_zip_over_the_direct_limit_goes_through_s3_and_is_uploaded_once(aws, dist):
    client(aws, "s3", BAD).create_bucket(Bucket=f"layers-{aws.account}-{BAD}", CreateBucketConfiguration={"LocationConstraint": BAD})
    options = ["--direct-limit", 100, "--bucket", "layers-{account}-{region}"]
    done = publish(aws, dist, BAD, *options)
    assert done.returncode == 0, done.stdout
    published = client(aws, "lambda", BAD).get_layer_version(LayerName=LAYER, VersionNumber=1)["Content"]["CodeSha256"]
    assert published == json.loads((dist / f"{TARGET.name}.json").read_text())["code_sha256"]
    assert len(aws.calls("PutObject")) == 1
    client(aws, "lambda", BAD).delete_layer_version(LayerName=LAYER, VersionNumber=1)
    assert publish(aws, dist, BAD, *options).returncode == 0
    assert len(aws.calls("PutObject")) == 1


def test_a_zip_over_the_direct_limit_without_a_bucket_says_what_to_give(aws, dist):
    done = publish(aws, dist, BAD, "--direct-limit", 100)
    assert done.returncode == 1
    assert "name a bucket in each region with --bucket, such as --bucket 'my-layers-{account}-{region}'" in done.stderr


def test_a_bucket_that_is_not_there_is_told(aws, dist):
    done = publish(aws, dist, BAD, "--direct-limit", 100, "--bucket", "none-{region}")
    assert "the bucket does not exist: create it in this region" in problem(done)
    assert versions(aws, BAD) == []


def test_a_profile_that_is_not_there_is_told_with_those_that_are(aws, dist, tmp_path):
    config = tmp_path / "config"
    config.write_text("[profile one]\nregion = eu-west-1\n[profile two]\nregion = eu-west-1\n")
    done = run(aws, *publishing(dist, BAD, "--account", "three"), AWS_CONFIG_FILE=str(config))
    assert done.returncode == 1
    assert "AWS's configuration has no profile 'three' (it has: one, two)" in done.stderr


def test_a_profile_with_its_own_keys_is_taken_in_place_of_the_environments(aws, dist, tmp_path):
    sts = client(aws, "sts", "us-east-1")
    taken = sts.assume_role(RoleArn="arn:aws:iam::111122223333:role/publisher", RoleSessionName="test")["Credentials"]
    config = tmp_path / "config"
    config.write_text(
        f"[profile other]\naws_access_key_id = {taken['AccessKeyId']}\naws_secret_access_key = {taken['SecretAccessKey']}\n"
        f"aws_session_token = {taken['SessionToken']}\n"
    )
    done = run(aws, *publishing(dist, BAD, "--yes", "--account", "other"), AWS_CONFIG_FILE=str(config))
    assert done.returncode == 0, done.stderr
    assert versions(aws, BAD, account="111122223333") == [1]
    assert versions(aws, BAD) == []


def test_a_role_that_may_not_be_taken_is_told(aws, dist):
    role = "arn:aws:iam::111122223333:role/publisher"
    aws.fault(when=Call(operation="AssumeRole"), do=Refuse(403, "AccessDenied", "no"), times=None)
    done = run(aws, *publishing(dist, BAD, "--account", role))
    assert done.returncode == 1
    assert f"account {role}: the caller may not do sts:AssumeRole on {role}" in done.stderr
