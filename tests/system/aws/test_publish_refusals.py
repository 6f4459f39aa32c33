"""Publishing when AWS refuses: every refusal in words with its fix; large zips through S3; whose credentials are used."""

from __future__ import annotations

import json

import pytest
from publishing import (
    LATEST,
    LAYER,
    REGION,
    TARGET,
    client,
    principals,
    problem,
    publish,
    publishing,
    report,
    run,
    versions,
)

from local.aws import Call, Refuse


def test_after_a_failure_the_row_says_what_had_been_done(aws, dist):
    aws.fault(when=Call(operation="PutParameter"), do=Refuse(400, "AccessDeniedException", "no"), times=None)
    done = publish(aws, dist, REGION)
    (row,) = report(done)["layers"]
    assert (row["status"], row["version"], row["done"]) == ("failed", 1, ["published version 1"])
    assert row["problems"] == [
        (
            f"the caller may not do ssm:PutParameter on arn:aws:ssm:eu-west-1:{aws.account}:parameter"
            f"{LATEST.replace('latest', row['release'])}: allow it in the role's policy (docs/publishing.md has the whole policy)"
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
def test_a_refusal_is_reported_in_words_with_its_fix(aws, dist, refusal, words):
    aws.fault(when=Call(operation="PublishLayerVersion"), do=refusal, times=None)
    done = publish(aws, dist, REGION)
    assert done.returncode == 1
    assert words in problem(done)
    assert len(aws.calls("PublishLayerVersion")) == 1


def test_wrong_credentials_end_it_before_anything(aws, dist):
    aws.fault(when=Call(operation="GetCallerIdentity"), do=Refuse(403, "ExpiredToken", "expired"), times=None)
    done = publish(aws, dist, REGION)
    assert done.returncode == 1
    assert "account default: the credentials have expired" in done.stderr
    assert "sign in again" in done.stderr


def test_no_credentials_at_all_are_reported_with_advice(aws, dist):
    done = run(aws, *publishing(dist, REGION), AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert done.returncode == 1
    assert "no AWS credentials" in done.stderr
    assert "aws sso login" in done.stderr


def test_a_statement_that_was_added_meanwhile_is_what_is_wanted(aws, dist):
    publish(aws, dist, REGION)
    client(aws, "lambda", REGION).add_layer_version_permission(
        LayerName=LAYER, VersionNumber=1, StatementId="public", Action="lambda:GetLayerVersion", Principal="*"
    )
    # The first look finds no policy yet, as when two publishers run at once.
    aws.fault(when=Call(operation="GetLayerVersionPolicy"), do=Refuse(404, "ResourceNotFoundException", "none"), times=2)
    done = publish(aws, dist, REGION, "--share", "public")
    assert done.returncode == 0, done.stdout
    assert [record.status for record in aws.calls("AddLayerVersionPermission")][-1] == 409
    assert principals(aws, REGION, 1) == {"public"}


def test_a_statement_of_that_name_that_says_something_else_is_an_error(aws, dist):
    publish(aws, dist, REGION)
    client(aws, "lambda", REGION).add_layer_version_permission(
        LayerName=LAYER, VersionNumber=1, StatementId="public", Action="lambda:GetLayerVersion", Principal="999988887777"
    )
    done = publish(aws, dist, REGION, "--share", "public")
    assert done.returncode == 1
    assert "has another statement with the id 'public': remove it" in problem(done)


def test_a_zip_over_the_direct_limit_goes_through_s3_and_is_uploaded_once(aws, dist):
    client(aws, "s3", REGION).create_bucket(
        Bucket=f"layers-{aws.account}-{REGION}", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    options = ["--direct-limit", 100, "--bucket", "layers-{account}-{region}"]
    done = publish(aws, dist, REGION, *options)
    assert done.returncode == 0, done.stdout
    published = client(aws, "lambda", REGION).get_layer_version(LayerName=LAYER, VersionNumber=1)["Content"]["CodeSha256"]
    assert published == json.loads((dist / f"{TARGET.name}.json").read_text())["code_sha256"]
    assert len(aws.calls("PutObject")) == 1
    client(aws, "lambda", REGION).delete_layer_version(LayerName=LAYER, VersionNumber=1)
    assert publish(aws, dist, REGION, *options).returncode == 0
    assert len(aws.calls("PutObject")) == 1


def test_a_zip_over_the_direct_limit_without_a_bucket_says_what_to_give(aws, dist):
    done = publish(aws, dist, REGION, "--direct-limit", 100)
    assert done.returncode == 1
    assert "name a bucket in each region with --bucket, such as --bucket 'my-layers-{account}-{region}'" in done.stderr


def test_a_bucket_that_is_not_there_is_reported(aws, dist):
    done = publish(aws, dist, REGION, "--direct-limit", 100, "--bucket", "none-{region}")
    assert "the bucket does not exist: create it in this region" in problem(done)
    assert versions(aws, REGION) == []


def test_a_profile_that_is_not_there_is_reported_with_those_that_exist(aws, dist, tmp_path):
    config = tmp_path / "config"
    config.write_text("[profile one]\nregion = eu-west-1\n[profile two]\nregion = eu-west-1\n")
    done = run(aws, *publishing(dist, REGION, "--account", "three"), AWS_CONFIG_FILE=str(config))
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
    done = run(aws, *publishing(dist, REGION, "--yes", "--account", "other"), AWS_CONFIG_FILE=str(config))
    assert done.returncode == 0, done.stderr
    assert versions(aws, REGION, account="111122223333") == [1]
    assert versions(aws, REGION) == []


def test_a_role_that_may_not_be_taken_is_reported(aws, dist):
    role = "arn:aws:iam::111122223333:role/publisher"
    aws.fault(when=Call(operation="AssumeRole"), do=Refuse(403, "AccessDenied", "no"), times=None)
    done = run(aws, *publishing(dist, REGION, "--account", role))
    assert done.returncode == 1
    assert f"account {role}: the caller may not do sts:AssumeRole on {role}" in done.stderr
