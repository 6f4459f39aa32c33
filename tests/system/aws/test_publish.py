"""Publishing to several regions and accounts: the plan, what it does, and that a second run finds nothing to do."""

from __future__ import annotations

import json

from publishing import (
    LATEST,
    LAYER,
    ONE,
    REGIONS,
    RELEASE,
    TARGET,
    build,
    client,
    parameter,
    principals,
    publishing,
    report,
    run,
    statuses,
    versions,
)

from layer import archive, matrix
from layer.evidence import provenance, source
from layer.evidence.source import Source
from layer.publishing.stages import stage
from local.aws import Call, disabled


def test_without_yes_the_plan_is_printed_and_nothing_is_changed(aws, dist):
    done = run(aws, *publishing(dist))
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [(line[0], line[1], line[2], line[3]) for line in lines] == [(aws.account, name, LAYER, "to publish") for name in REGIONS]
    assert "nothing was changed" in done.stderr
    assert {record.operation for record in aws.calls()} == {"GetCallerIdentity", "ListLayerVersions", "GetParameters"}


def test_a_plain_publish_takes_what_was_built_and_prints_the_arns(aws, tmp_path):
    built = [matrix.target("3.12", "arm64"), TARGET]
    dist = build(tmp_path / "dist", *built)
    done = run(aws, "publish", "--dist", dist, "--no-inspect", "--dirty", "--yes", AWS_DEFAULT_REGION="eu-west-3")
    assert done.returncode == 0, done.stderr
    arns = [f"arn:aws:lambda:eu-west-3:{aws.account}:layer:{stage('prod').layer(target)}:1" for target in built]
    assert done.stdout.splitlines() == arns
    assert [client(aws, "lambda", "eu-west-3").get_layer_version_by_arn(Arn=arn)["LayerVersionArn"] for arn in arns] == arns


def test_only_versions_that_were_verified_are_printed(aws, dist):
    aws.fault(when=Call(region="us-east-1", service="lambda"), do=disabled(), times=None)
    done = run(aws, *publishing(dist, "eu-west-1,us-east-1", "--yes"))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"arn:aws:lambda:eu-west-1:{aws.account}:layer:{LAYER}:1"]


def test_all_layers_are_demanded_only_when_asked(aws, dist, tmp_path):
    done = run(aws, *publishing(dist, "eu-west-1", "--yes", "--all", layers=["--python", "3.13"]))
    assert done.returncode == 1
    assert "rdspool-python3.13-arm64.zip is missing: build it with ./build.sh --python 3.13 --arch arm64" in done.stderr
    (tmp_path / "empty").mkdir()
    done = run(aws, *publishing(tmp_path / "empty", "eu-west-1", "--yes"))
    assert done.returncode == 1
    assert f"{tmp_path / 'empty'} has no layer of those that are selected ({TARGET.name}.zip): build one with ./build.sh" in done.stderr
    assert aws.calls() == []


def test_without_a_region_it_says_how_to_name_one(aws, dist, tmp_path):
    plain = ["publish", "--dist", dist, "--no-inspect", "--dirty", *ONE]
    done = run(aws, *plain)
    assert done.returncode == 1
    assert "AWS's configuration has no region: name regions with --regions, or set AWS_DEFAULT_REGION" in done.stderr
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-west-2\n")
    done = run(aws, *plain, "--account", "two", AWS_CONFIG_FILE=str(config))
    assert "AWS's configuration has no profile 'two' (it has: default)" in done.stderr
    done = run(aws, *plain, "--yes", AWS_CONFIG_FILE=str(config))
    assert done.stdout.splitlines() == [f"arn:aws:lambda:eu-west-2:{aws.account}:layer:{stage('prod').layer(TARGET)}:1"]


def test_yes_publishes_and_the_second_run_changes_nothing(aws, dist):
    first = run(aws, *publishing(dist, "", "--yes", "--json"))
    assert first.returncode == 0, first.stderr
    assert statuses(first) == dict.fromkeys(REGIONS, "published")
    aws.clear()
    second = run(aws, *publishing(dist, "", "--yes", "--json"))
    assert second.returncode == 0, second.stderr
    assert statuses(second) == dict.fromkeys(REGIONS, "as wanted")
    assert {record.operation for record in aws.calls()} == {
        "GetCallerIdentity",
        "ListLayerVersions",
        "GetLayerVersion",
        "GetLayerVersionPolicy",
        "GetParameters",
    }
    for region in REGIONS:
        assert versions(aws, region) == [1]


def test_what_is_published_is_what_the_manifest_says(aws, dist):
    run(aws, *publishing(dist, "eu-west-1", "--yes"))
    manifest = json.loads((dist / f"{TARGET.name}.json").read_text())
    there = client(aws, "lambda", "eu-west-1").get_layer_version(LayerName=LAYER, VersionNumber=1)
    assert there["Content"]["CodeSha256"] == manifest["code_sha256"]
    assert there["CompatibleRuntimes"] == ["python3.13"]
    assert there["CompatibleArchitectures"] == ["x86_64"]
    assert there["LicenseInfo"] == manifest["license_info"]
    arn = f"arn:aws:lambda:eu-west-1:{aws.account}:layer:{LAYER}:1"
    assert parameter(aws, "eu-west-1", LATEST) == arn
    assert parameter(aws, "eu-west-1", f"/rdspool-beta/python3.13/x86_64/{RELEASE}") == arn
    assert principals(aws, "eu-west-1", 1) == set()


def test_another_zip_becomes_the_next_version_and_the_latest(aws, dist):
    run(aws, *publishing(dist, "eu-west-1", "--yes"))
    done = run(aws, *publishing(build(dist, content=b"version = 2\n"), "eu-west-1", "--yes", "--json"))
    assert done.returncode == 0, done.stderr
    assert versions(aws, "eu-west-1") == [1, 2]
    assert parameter(aws, "eu-west-1").endswith(":2")


def test_the_former_zip_again_only_moves_the_parameters_back(aws, dist):
    for content in (b"1\n", b"2\n", b"1\n"):
        done = run(aws, *publishing(build(dist, content=content), "eu-west-1", "--yes", "--json"))
    assert statuses(done) == {"eu-west-1": "completed"}
    assert versions(aws, "eu-west-1") == [1, 2]
    assert parameter(aws, "eu-west-1").endswith(":1")


def test_all_architectures_have_names_and_parameters_of_their_own(aws, tmp_path):
    targets = [target for target in matrix.targets() if target.python == "3.13"]
    dist = build(tmp_path / "dist", *targets)
    done = run(aws, *publishing(dist, "eu-west-1", "--yes", "--json", layers=["--python", "3.13"]))
    assert done.returncode == 0, done.stderr
    values = {parameter(aws, "eu-west-1", stage("beta").parameter(target, "latest")) for target in targets}
    assert values == {
        f"arn:aws:lambda:eu-west-1:{aws.account}:layer:rdspool-beta-python3_13-{architecture}:1" for architecture in ("x86_64", "arm64")
    }


def test_sharing_is_done_once_and_by_names_that_stay_the_same(aws, dist):
    shares = ["--share", "public", "--share", "111122223333", "--share", "o-a1b2c3d4e5"]
    for _ in range(2):
        done = run(aws, *publishing(dist, "eu-west-1", "--yes", "--json", *shares))
        assert done.returncode == 0, done.stderr
    assert principals(aws, "eu-west-1", 1) == {"public", "account-111122223333", "organization-o-a1b2c3d4e5"}
    assert report(done)["layers"][0]["shared_with"] == ["111122223333", "o-a1b2c3d4e5", "public"]
    assert len(aws.calls("AddLayerVersionPermission")) == 3


def test_a_grant_that_was_not_asked_for_is_reported_and_stays(aws, dist):
    run(aws, *publishing(dist, "eu-west-1", "--yes", "--share", "public"))
    done = run(aws, *publishing(dist, "eu-west-1", "--yes", "--json"))
    assert done.returncode == 0
    assert report(done)["layers"][0]["notes"] == ["also shared with public: `share --remove` ends that"]
    assert principals(aws, "eu-west-1", 1) == {"public"}


def test_two_accounts_are_published_to_at_once(aws, dist):
    accounts = [f"arn:aws:iam::{account}:role/publisher" for account in ("111122223333", "444455556666")]
    options = [option for account in accounts for option in ("--account", account)]
    done = run(aws, *publishing(dist, "eu-west-1,us-east-1", "--yes", "--json", *options))
    assert done.returncode == 0, done.stderr
    assert [(row["account"], row["region"], row["status"]) for row in report(done)["layers"]] == [
        (account, region, "published") for account in ("111122223333", "444455556666") for region in ("eu-west-1", "us-east-1")
    ]
    for account in ("111122223333", "444455556666"):
        assert versions(aws, "us-east-1", account=account) == [1]
        assert parameter(aws, "us-east-1", account=account) == f"arn:aws:lambda:us-east-1:{account}:layer:{LAYER}:1"
    assert versions(aws, "us-east-1") == []


def test_a_difference_of_numbers_is_reported_and_not_filled_up(aws, dist):
    run(aws, *publishing(dist, "eu-west-1", "--yes"))
    build(dist, content=b"2\n")
    done = run(aws, *publishing(dist, "eu-west-1,us-east-1", "--yes", "--json"))
    assert report(done)["levels"] == [f"{LAYER} in {aws.account}: version 1 in us-east-1; version 2 in eu-west-1"]
    assert versions(aws, "us-east-1") == [1]


def test_the_same_zip_under_another_licence_is_a_fault_that_says_what_to_do(aws, dist):
    run(aws, *publishing(dist, "eu-west-1", "--yes"))
    done = run(aws, *publishing(build(dist, license_info="MIT"), "eu-west-1", "--yes", "--json"))
    assert done.returncode == 1
    assert "has the licence 'Apache-2.0 (rdspool)', not 'MIT', which can't be changed: delete that version" in done.stdout
    assert versions(aws, "eu-west-1") == [1]


def test_a_release_in_prod_stays_what_it_is_unless_asked_otherwise(aws, dist):
    prod = ["publish", "--stage", "prod", "--regions", "eu-west-1", "--python", "3.13", "--arch", "x86_64"]
    prod += ["--no-inspect", "--dist", dist, "--dirty", "--yes", "--json"]
    first = run(aws, *prod)
    assert first.returncode == 0, first.stderr
    assert "--dirty" in first.stderr
    assert report(first)["dirty"] is True
    assert principals(aws, "eu-west-1", 1, "rdspool-python3_13-x86_64") == set()
    build(dist, content=b"2\n")
    second = run(aws, *prod)
    assert second.returncode == 1
    assert f"{RELEASE} is already published with another zip" in second.stdout
    assert versions(aws, "eu-west-1", "rdspool-python3_13-x86_64") == [1]
    assert run(aws, *prod, "--replace").returncode == 0
    assert versions(aws, "eu-west-1", "rdspool-python3_13-x86_64") == [1, 2]


def test_prod_asks_for_provenance_of_this_commit_before_anything_is_asked(aws, dist, monkeypatch):
    tree = Source("c0ffee" * 6 + "abcd")
    monkeypatch.setattr(source, "source", lambda: tree)
    prod = ["publish", "--stage", "prod", "--regions", "eu-west-1", "--python", "3.13", "--arch", "x86_64", "--no-inspect", "--dist", dist]
    missing = run(aws, *prod, "--yes")
    assert (missing.returncode, aws.calls()) == (1, [])
    assert f"{TARGET.name}.provenance.json is missing" in missing.stderr
    zipped = dist / f"{TARGET.name}.zip"
    manifest = json.loads(zipped.with_suffix(".json").read_text()) | {"file": zipped.name, "packages": []}
    manifest |= {"sha256": archive.sha256(zipped.read_bytes()), "bytecode": {"interpreter": "CPython 3.13.0", "magic": ""}}
    for changed, words in ((("layer/matrix.toml",), "was built from files that are in no commit"), ((), "")):
        built_from = Source(tree.commit, changed=changed)
        text = provenance.statement(TARGET, manifest, built_from, provenance.builder(None))
        zipped.with_suffix(".provenance.json").write_text(text)
        done = run(aws, *prod, "--yes")
        assert (done.returncode, words in done.stderr) == (1 if words else 0, True), done.stderr
    assert versions(aws, "eu-west-1", "rdspool-python3_13-x86_64") == [1]


def test_a_zip_that_is_not_its_manifests_is_refused_before_anything_is_asked(aws, dist):
    (dist / f"{TARGET.name}.zip").write_bytes(b"PK something else")
    done = run(aws, *publishing(dist, "eu-west-1", "--yes"))
    assert done.returncode == 1
    assert "its manifest says" in done.stderr
    assert aws.calls() == []


def test_a_zip_that_inspect_refuses_is_not_published(aws, dist):
    done = run(aws, *[argument for argument in publishing(dist, "eu-west-1", "--yes") if argument != "--no-inspect"])
    assert done.returncode == 1
    assert "is not fit to be published" in done.stderr
    assert aws.calls() == []


def test_a_region_that_is_not_in_the_matrix_is_refused_with_those_that_are(aws, dist):
    done = run(aws, *publishing(dist, "eu-west-9", "--yes"))
    assert done.returncode == 1
    assert "eu-west-9 is not a region of layer/matrix.toml, which has, by partition of AWS, aws: af-south-1, " in done.stderr
