"""Accounts of GovCloud and China: they publish to the regions of their own partition, and to no others."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
from publishing import LATEST, LAYER, ONE, RELEASE, TARGET, build, client, parameter, principals, publishing, report, role, run, versions

from layer import matrix
from layer.building.assemble import assemble
from local.aws import Call, Refuse, disabled
from local.cache import cache_dir

GOV, CHINA = "111122223333", "444455556666"
OTHERS = [("aws-us-gov", GOV, "us-gov-west-1"), ("aws-cn", CHINA, "cn-north-1")]
others = pytest.mark.parametrize(("partition", "account", "region"), OTHERS)


def arn(region: str, account: str, version: int = 1) -> str:
    return f"arn:{matrix.partition_of(region)}:lambda:{region}:{account}:layer:{LAYER}:{version}"


def where(account: str, region: str) -> list[str]:
    return ["--stage", "beta", "--regions", region, "--account", role(account, region), *ONE]


@others
def test_all_regions_are_those_of_the_accounts_partition(aws, dist, partition, account, region):
    done = run(aws, *publishing(dist, "all", "--yes", "--json", "--account", role(account, region)))
    assert done.returncode == 0, done.stderr
    regions = matrix.partitions()[partition].all_regions
    assert [(row["region"], row["status"], row["arn"]) for row in report(done)["layers"]] == [
        (name, "published", arn(name, account)) for name in regions
    ]
    for name in regions:
        assert parameter(aws, name, account=account) == arn(name, account)
        assert versions(aws, name) == []
    assert {record.region for record in aws.calls() if record.account == account} == set(regions)


@others
def test_what_is_published_is_listed_shared_pruned_and_catalogued(aws, tmp_path, partition, account, region):
    for number in range(2):
        dist = build(tmp_path / "dist", content=f"{number}\n".encode())
        assert run(aws, *publishing(dist, region, "--yes", "--account", role(account, region))).returncode == 0
    listed = [json.loads(line) for line in run(aws, "list", *where(account, region), "--json").stdout.splitlines()]
    assert [(one["arn"], one["parameters"]) for one in listed] == [
        (arn(region, account, 2), [LATEST.replace("latest", RELEASE), LATEST]),
        (arn(region, account, 1), []),
    ]
    shared = run(aws, "share", *where(account, region), "--latest", "--add", "777788889999", "--yes", "--json")
    assert json.loads(shared.stdout)["shared_with"] == ["777788889999"]
    assert run(aws, "share", *where(account, region), "--latest", "--remove", "777788889999", "--yes").returncode == 0
    assert run(aws, "prune", *where(account, region), "--keep", 1, "--yes").returncode == 0
    assert versions(aws, region, account=account) == [2]
    assert run(aws, "catalog", *where(account, region), "--output", tmp_path / "a").returncode == 0
    (row,) = csv.DictReader((tmp_path / "a" / "layers.csv").read_text().splitlines())
    assert (row["region"], row["partition"], row["arn"]) == (region, partition, arn(region, account, 2))


def test_a_real_layer_is_verified_by_its_arn(aws, tmp_path):
    region, here = "cn-north-1", ".".join(map(str, sys.version_info[:2]))
    assemble(matrix.target(here, "x86_64"), Path(sys.executable), cache_dir(), tmp_path, lambda _: None)
    publisher = ["--account", role(CHINA, region)]
    command = ["publish", "--stage", "beta", "--regions", region, "--python", here, "--arch", "x86_64", "--dist", tmp_path, *publisher]
    done = run(aws, *command, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    published = report(done)["layers"][0]["arn"]
    assert published.startswith("arn:aws-cn:lambda:cn-north-1:")
    verified = run(aws, "verify", published, "--interpreter", sys.executable, *publisher)
    assert (verified.returncode, verified.stdout) == (0, f"{published}: the same bytes\n"), verified.stderr


@others
def test_a_version_of_another_partition_is_refused_with_the_account_to_name(aws, partition, account, region):
    done = run(aws, "verify", arn(region, account), "--account", role(account, "eu-west-1"))
    assert done.returncode == 1
    assert f"{region} is in AWS's partition {partition}, and the account {account}" in done.stderr
    assert f"name a profile or a role of {partition} with --account" in done.stderr
    assert {record.service for record in aws.calls()} == {"sts"}


def test_accounts_of_three_partitions_are_published_to_at_once(aws, dist, tmp_path):
    regions = ["eu-west-1", "us-gov-west-1", "cn-north-1"]
    accounts = dict(zip(regions, ["777788889999", GOV, CHINA], strict=True))
    options = [option for region, account in accounts.items() for option in ("--account", role(account, region))]
    kept = tmp_path / "report.json"
    done = run(aws, *publishing(dist, regions, "--yes", "--json", "--share", "public", "--report", kept, *options))
    assert done.returncode == 0, done.stderr
    assert [(row["account"], row["region"], row["arn"]) for row in report(done)["layers"]] == [
        (account, region, arn(region, account)) for region, account in accounts.items()
    ]
    assert run(aws, "catalog", "--from", kept, "--output", tmp_path / "a").returncode == 0
    rows = json.loads((tmp_path / "a" / "layers.json").read_text())["layers"]
    assert {row["region"]: row["partition"] for row in rows} == {region: matrix.partition_of(region) for region in regions}


def test_the_catalogue_has_the_reports_of_several_partitions(aws, dist, tmp_path):
    reports = []
    for region in ("us-gov-west-1", "cn-north-1"):
        reports += ["--from", tmp_path / f"{region}.json"]
        assert run(aws, *publishing(dist, region, "--yes", "--report", reports[-1], "--account", role(GOV, region))).returncode == 0
    done = run(aws, "catalog", *reports, *reports[:2], "--output", tmp_path / "a")
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "a" / "layers.json").read_text())["layers"]
    assert [row["arn"] for row in rows] == [arn("cn-north-1", GOV), arn("us-gov-west-1", GOV)]
    build(dist, content=b"newer\n")
    later = tmp_path / "later.json"
    run(aws, *publishing(dist, "cn-north-1", "--yes", "--report", later, "--account", role(GOV, "cn-north-1")))
    refused = run(aws, "catalog", *reports, "--from", later)
    assert refused.returncode == 1
    assert f"the reports have both {arn('cn-north-1', GOV)} and {arn('cn-north-1', GOV, 2)}" in refused.stderr


def test_one_number_in_two_partitions_is_two_accounts(aws, dist):
    regions = ["eu-west-1", "cn-north-1"]
    options = [option for region in regions for option in ("--account", role(GOV, region))]
    done = run(aws, *publishing(dist, regions, "--yes", "--json", *options))
    assert done.returncode == 0, done.stderr
    assert [row["arn"] for row in report(done)["layers"]] == [arn(region, GOV) for region in regions]


@others
def test_a_region_of_another_partition_is_refused_before_anything_is_asked_there(aws, dist, partition, account, region):
    done = run(aws, *publishing(dist, region, "--yes", "--account", role(account, "eu-west-1")))
    assert done.returncode == 1
    assert f"the account {account} ({role(account, 'eu-west-1')}) is in AWS's partition aws" in done.stderr
    assert f"--regions names only regions of others: {region} ({partition})" in done.stderr
    assert "Name regions of aws (af-south-1, " in done.stderr
    assert {record.service for record in aws.calls()} == {"sts"}


@pytest.mark.parametrize("command", ["list", "prune", "catalog", "publish"])
def test_a_region_without_an_account_is_refused(aws, dist, command):
    regions = "eu-west-1,cn-north-1,us-gov-west-1"
    given = publishing(dist, regions) if command == "publish" else [command, "--stage", "beta", "--regions", regions, *ONE]
    done = run(aws, *given, "--account", role(GOV, "us-east-1"))
    assert done.returncode == 1
    assert "no account is given for cn-north-1 (aws-cn); us-gov-west-1 (aws-us-gov)" in done.stderr
    assert {record.service for record in aws.calls()} == {"sts"}


@others
def test_aws_signer_is_asked_in_the_accounts_partition_only(aws, dist, partition, account, region):
    zipped = dist / f"{TARGET.name}.zip"
    done = run(aws, "sign", "--aws-profile", "one", "--bucket", "b", "--region", region, "--account", role(account, "eu-west-1"), zipped)
    assert done.returncode == 1
    assert f"{region} is in AWS's partition {partition}, and the account {account}" in done.stderr
    assert {record.service for record in aws.calls()} == {"sts"}


def test_an_account_or_organisation_is_shared_with_in_one_partition_only(aws, dist):
    regions = ["eu-west-1", "cn-north-1"]
    options = [option for region in regions for option in ("--account", role(CHINA, region))]
    done = run(aws, *publishing(dist, regions, "--yes", "--share", "777788889999", *options))
    assert done.returncode == 1
    assert "versions of aws and aws-cn can't be shared with 777788889999 at once" in done.stderr
    assert not aws.calls("PublishLayerVersion")
    assert run(aws, *publishing(dist, regions, "--yes", *options)).returncode == 0
    share = ["share", "--stage", "beta", "--regions", ",".join(regions), *ONE, *options, "--latest", "--yes", "--add"]
    refused = run(aws, *share, "o-a1b2c3d4e5")
    assert refused.returncode == 1
    assert "can't be shared with o-a1b2c3d4e5 at once" in refused.stderr
    assert not aws.calls("AddLayerVersionPermission")
    assert run(aws, *share, "public").returncode == 0
    assert len(aws.calls("AddLayerVersionPermission")) == 2


def test_credentials_without_a_region_are_used_in_the_partition_of_the_named_regions(aws, dist):
    # As in AWS, where the other partitions do not know these credentials.
    aws.fault(when=Call(region="us-east-1"), do=disabled(), times=None)
    done = run(aws, *publishing(dist, "cn-north-1", "--yes", "--json"))
    assert done.returncode == 0, done.stderr
    assert report(done)["layers"][0]["arn"] == arn("cn-north-1", aws.account)
    everywhere = run(aws, *publishing(dist, "all", "--yes"))
    assert everywhere.returncode == 1
    assert "us-east-1 does not know these credentials" in everywhere.stderr
    assert "us-east-1 is in aws: for GovCloud or China give the profile a region there (or set AWS_DEFAULT_REGION)" in everywhere.stderr
    configured = run(aws, *publishing(dist, "all", "--json"), AWS_DEFAULT_REGION="cn-northwest-1")
    assert configured.returncode == 0, configured.stderr
    assert {row["region"] for row in report(configured)["layers"]} == set(matrix.partitions()["aws-cn"].all_regions)


@pytest.mark.parametrize("options", [[], ["--account", role(CHINA, "cn-north-1")]])
def test_a_configured_region_of_another_partition_is_not_asked(aws, dist, options):
    done = run(aws, *publishing(dist, "cn-northwest-1", *options), AWS_DEFAULT_REGION="us-east-1")
    assert done.returncode == 0, done.stderr
    assert {record.region for record in aws.calls()} == {"cn-north-1", "cn-northwest-1"}


def test_the_european_sovereign_cloud_has_no_regions_yet(aws, dist):
    named = run(aws, *publishing(dist, "eusc-de-east-1"))
    assert named.returncode == 1
    assert "eusc-de-east-1 is not a region of layer/matrix.toml, which has, by partition of AWS, aws: af-south-1, " in named.stderr
    assert "aws-eusc: none yet" in named.stderr
    account = run(aws, *publishing(dist, "all", "--account", role(GOV, "eusc-de-east-1")))
    assert account.returncode == 1
    assert "is in AWS's partition aws-eusc, of which layer/matrix.toml has no regions: rdspool ships no roots" in account.stderr


def test_a_partition_that_is_not_in_the_matrix_is_refused(aws, dist):
    done = run(aws, *publishing(dist, "all", "--account", f"arn:aws-iso:iam::{GOV}:role/publisher"))
    assert done.returncode == 1
    assert "layer/matrix.toml does not have AWS's partition aws-iso: it has aws, aws-us-gov, aws-cn, aws-eusc" in done.stderr


def test_an_arn_whose_region_is_in_another_partition_is_none(aws):
    wrong = arn("cn-north-1", CHINA).replace("aws-cn", "aws")
    done = run(aws, "verify", wrong)
    assert done.returncode == 1
    assert f"{wrong} is no ARN: the region cn-north-1 is in AWS's partition aws-cn, not in aws" in done.stderr
    assert aws.calls() == []


@others
def test_large_zips_and_refusals_have_the_arns_of_the_partition(aws, dist, partition, account, region):
    bucket = f"layers-{account}-{region}"
    client(aws, "s3", region, account).create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    options = ["--yes", "--json", "--account", role(account, region), "--direct-limit", 100, "--bucket", "layers-{account}-{region}"]
    aws.fault(when=Call(operation="PutObject"), do=Refuse(403, "AccessDenied", "no"))
    refused = run(aws, *publishing(dist, region, *options))
    assert f"s3:PutObject on arn:{partition}:s3:::{bucket}/layers/" in refused.stdout
    done = run(aws, *publishing(dist, region, *options))
    assert done.returncode == 0, done.stderr
    assert principals(aws, region, 1, account=account) == set()
