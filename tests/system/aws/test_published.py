"""What is published: listing, sharing, pruning, verifying and the catalogue."""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from publishing import LATEST, LAYER, ONE, REGION, RELEASE, TARGET, Done, build, client, parameter, principals, publishing, run, versions

from layer import matrix
from layer.building import archive
from layer.building.assemble import assemble
from layer.publishing import feed
from local.aws import Call, Refuse, disabled
from local.cache import cache_dir

WHERE = ["--stage", "beta", "--regions", REGION, *ONE]


@pytest.fixture
def published(aws, tmp_path):
    """Return a function that publishes so many zips, one after the other."""

    def publish(count: int = 1, regions: str = REGION, *more: str) -> None:
        for number in range(count):
            dist = build(tmp_path / "dist", content=f"{number}\n".encode())
            done = run(aws, *publishing(dist, regions, "--yes", *more))
            assert done.returncode == 0, done.stderr

    return publish


def arn(aws, version: int, region: str = REGION) -> str:
    return f"arn:aws:lambda:{region}:{aws.account}:layer:{LAYER}:{version}"


def lines(done: Done) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def function(aws):
    """Return a function that makes a function with a layer."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archived:
        archived.writestr("handler.py", "")
    client(aws, "iam", REGION).create_role(RoleName="function", AssumeRolePolicyDocument="{}")
    api = client(aws, "lambda", REGION)
    same = {"Role": f"arn:aws:iam::{aws.account}:role/function", "Runtime": "python3.13", "Handler": "handler.handler"}

    def make(name: str, layer: str, *, publish: bool = False) -> None:
        api.create_function(FunctionName=name, Code={"ZipFile": code.getvalue()}, Layers=[layer], Publish=publish, **same)

    return make


def test_list_names_versions_releases_holders_and_parameters(aws, published):
    published(2, REGION, "--share", "public")
    old, new = sorted(lines(run(aws, "list", *WHERE, "--json")), key=lambda one: one["version"])
    assert (old["arn"], old["release"], old["parameters"]) == (arn(aws, 1), RELEASE, [])
    assert new["parameters"] == [LATEST.replace("latest", RELEASE), LATEST]
    assert new["shared_with"] == ["public"]


def test_list_reads_all_pages_of_versions(aws):
    api = client(aws, "lambda", REGION)
    for number in range(55):
        api.publish_layer_version(LayerName=LAYER, Content={"ZipFile": b"%d" % number})
    assert len(lines(run(aws, "list", *WHERE, "--json"))) == 55


def test_list_says_which_region_it_could_not_read_and_lists_the_others(aws, published):
    published(1, "eu-west-1,us-east-1")
    aws.fault(when=Call(region="us-east-1", service="lambda"), do=disabled(), times=None)
    done = run(aws, "list", "--stage", "beta", "--regions", "eu-west-1,us-east-1", *ONE)
    assert done.returncode == 1
    assert done.stdout.startswith(arn(aws, 1))
    assert f"failed {aws.account} us-east-1: us-east-1 does not know these credentials" in done.stderr


def test_share_is_planned_then_done_then_nothing_is_left_to_do(aws, published):
    published()
    command = ["share", *WHERE, "--release", RELEASE, "--add", "public", "--add", "111122223333", "--json"]
    assert lines(run(aws, *command))[0]["status"] == "to change"
    assert principals(aws, REGION, 1) == set()
    assert lines(run(aws, *command, "--yes"))[0]["shared_with"] == ["111122223333", "public"]
    assert principals(aws, REGION, 1) == {"public", "account-111122223333"}
    assert lines(run(aws, *command, "--yes"))[0]["status"] == "as asked"
    removed = run(aws, "share", *WHERE, "--latest", "--remove", "public", "--yes", "--json")
    assert lines(removed)[0]["shared_with"] == ["111122223333"]


def test_share_takes_away_what_another_tool_granted_under_another_name(aws, published):
    published()
    client(aws, "lambda", REGION).add_layer_version_permission(
        LayerName=LAYER, VersionNumber=1, StatementId="console-made", Action="lambda:GetLayerVersion", Principal="*"
    )
    assert run(aws, "share", *WHERE, "--version", 1, "--remove", "public", "--yes").returncode == 0
    assert principals(aws, REGION, 1) == set()


def test_share_of_nothing_that_is_there_fails(aws, published):
    published()
    done = run(aws, "share", *WHERE, "--release", "9.9.9", "--add", "public", "--yes")
    assert done.returncode == 1
    assert "no version was found" in done.stderr


def everything(aws, region: str = REGION) -> dict:
    """Return what is published in a region but for `latest`: versions, their policies, and the other parameters."""
    api = client(aws, "ssm", region)
    names = {one["Name"]: one["Value"] for one in api.get_parameters_by_path(Path="/rdspool-beta", Recursive=True)["Parameters"]}
    del names[LATEST]
    return {"versions": {number: principals(aws, region, number) for number in versions(aws, region)}, "parameters": names}


def test_rollback_is_planned_then_points_latest_back_and_changes_nothing_else(aws, published):
    regions = ["eu-west-1", "us-east-1"]
    published(2, ",".join(regions), "--share", "public")
    before = {region: everything(aws, region) for region in regions}
    command = ["rollback", "--stage", "beta", "--regions", ",".join(regions), *ONE, "--version", 1, "--json"]
    assert [(line["status"], line["from"], line["to"]) for line in lines(run(aws, *command))] == [
        ("to change", arn(aws, 2, region), arn(aws, 1, region)) for region in regions
    ]
    assert {parameter(aws, region) for region in regions} == {arn(aws, 2, region) for region in regions}
    aws.clear()
    done = run(aws, *command, "--yes")
    assert (done.returncode, [line["status"] for line in lines(done)]) == (0, ["changed", "changed"]), done.stderr
    assert [record.operation for record in aws.calls() if record.operation.startswith(("Put", "Add", "Remove", "Delete", "Publish"))] == [
        "PutParameter",
        "PutParameter",
    ]
    assert {parameter(aws, region) for region in regions} == {arn(aws, 1, region) for region in regions}
    assert {region: everything(aws, region) for region in regions} == before
    assert [line["status"] for line in lines(run(aws, *command, "--yes"))] == ["as asked", "as asked"]


def test_rollback_to_a_release_takes_the_version_that_its_parameter_names(aws, published):
    published(3)
    api, release = client(aws, "ssm", REGION), LATEST.replace("latest", RELEASE)
    api.put_parameter(Name=release, Value=arn(aws, 2), Type="String", Overwrite=True)
    assert run(aws, "rollback", *WHERE, "--release", RELEASE, "--yes").returncode == 0
    assert parameter(aws, REGION) == arn(aws, 2)
    api.delete_parameter(Name=release)
    done = run(aws, "rollback", *WHERE, "--release", RELEASE, "--yes")
    assert done.returncode == 1
    assert f"it has several versions of release {RELEASE} (3, 2, 1): give --version too" in done.stderr
    assert run(aws, "rollback", *WHERE, "--release", RELEASE, "--version", 1, "--yes").returncode == 0
    assert parameter(aws, REGION) == arn(aws, 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--version", 9], f"it has no version 9 there: it has 2 ({RELEASE}), 1 ({RELEASE})"),
        (["--release", "9.9.9"], "it has no release 9.9.9 there"),
        (["--release", "9.9.9", "--version", 1], "it has no release 9.9.9 version 1 there"),
        ([], "no version is named: give --release or --version"),
    ],
)
def test_rollback_refuses_a_version_that_does_not_exist(aws, published, options, words):
    published(2)
    done = run(aws, "rollback", *WHERE, *options, "--yes")
    assert done.returncode == 1
    assert words in done.stderr
    assert parameter(aws, REGION) == arn(aws, 2)


def test_rollback_refuses_a_version_that_fewer_may_use_and_says_which_command_shares_it(aws, published):
    published(1)
    published(2, REGION, "--share", "public", "--share", "111122223333")
    run(aws, "share", *WHERE, "--version", 1, "--remove", "public", "--remove", "111122223333", "--yes")
    command = ["rollback", *WHERE, "--version", 1, "--yes"]
    done = run(aws, *command)
    assert done.returncode == 1
    assert "version 1 is not shared with 111122223333, public, but the one that `latest` names is" in done.stderr
    assert parameter(aws, REGION) == arn(aws, 2)
    remedy = done.stderr.partition("run `python -m layer share ")[2].partition("`")[0].split()
    assert run(aws, "share", *WHERE, *remedy, "--yes").returncode == 0
    assert run(aws, *command).returncode == 0
    assert parameter(aws, REGION) == arn(aws, 1)


def test_rollback_refuses_a_version_whose_zip_is_not_the_described_one(aws, published, tmp_path):
    published(1)
    api = client(aws, "lambda", REGION)
    described = api.get_layer_version(LayerName=LAYER, VersionNumber=1)["Description"]
    other = build(tmp_path / "other", content=b"other\n").joinpath(f"{TARGET.name}.zip").read_bytes()
    for description, words in ((described, "is described with the sha256 "), ("by hand", "is described with no sha256")):
        number = api.publish_layer_version(LayerName=LAYER, Description=description, Content={"ZipFile": other})["Version"]
        done = run(aws, "rollback", *WHERE, "--version", number, "--yes")
        assert done.returncode == 1
        assert f"version {number} {words}" in done.stderr
        assert f"Lambda reports {archive.code_sha256(other)}" in done.stderr
    assert parameter(aws, REGION) == arn(aws, 1)


def test_rollback_works_when_the_bad_version_was_deleted_and_a_publish_moves_latest_on_again(aws, published):
    published(2)
    client(aws, "lambda", REGION).delete_layer_version(LayerName=LAYER, VersionNumber=2)
    assert run(aws, "rollback", *WHERE, "--version", 1, "--yes").returncode == 0
    assert parameter(aws, REGION) == arn(aws, 1)
    published(2)
    assert parameter(aws, REGION) == arn(aws, 3)


def test_rollback_where_there_is_no_latest_or_no_layer_fails_and_says_so(aws, published):
    done = run(aws, "rollback", *WHERE, "--version", 1, "--yes")
    assert done.returncode == 1
    assert "no layer was found" in done.stderr
    published()
    client(aws, "ssm", REGION).delete_parameter(Name=LATEST)
    done = run(aws, "rollback", *WHERE, "--version", 1, "--yes")
    assert done.returncode == 1
    assert f"{LATEST} does not exist: `python -m layer publish` sets it" in done.stderr
    assert parameter(aws, REGION) is None


def test_rollback_goes_on_in_other_regions_when_one_fails(aws, published):
    regions = "eu-west-1,us-east-1"
    published(2, regions)
    aws.fault(when=Call(operation="PutParameter", region="eu-west-1"), do=Refuse(400, "AccessDeniedException", "no"), times=None)
    done = run(aws, "rollback", "--stage", "beta", "--regions", regions, *ONE, "--version", 1, "--yes", "--json")
    assert (done.returncode, [line["status"] for line in lines(done)]) == (1, ["failed", "changed"])
    assert "may not do ssm:PutParameter" in done.stderr
    assert (parameter(aws, "eu-west-1"), parameter(aws, "us-east-1")) == (arn(aws, 2), arn(aws, 1, "us-east-1"))


def test_prune_keeps_the_last_the_used_the_pointed_to_and_the_shared(aws, published, function):
    published(7)
    function("uses-it", arn(aws, 1))
    api = client(aws, "lambda", REGION)
    for number in range(50):
        function(f"other-{number:02}", arn(aws, 7))
    function("zz-last-page", arn(aws, 2), publish=True)
    api.add_layer_version_permission(
        LayerName=LAYER, VersionNumber=3, StatementId="p", Action="lambda:GetLayerVersion", Principal="111122223333"
    )
    client(aws, "ssm", REGION).put_parameter(Name="/rdspool-beta/mine", Value=arn(aws, 4), Type="String")
    rows = {line["arn"]: line for line in lines(run(aws, "prune", *WHERE, "--keep", 2, "--json"))}
    assert versions(aws, REGION) == [1, 2, 3, 4, 5, 6, 7]
    why = [rows[arn(aws, number)]["why"] for number in range(1, 8)]
    assert why == [
        "used by uses-it",
        "used by zz-last-page, zz-last-page:1",
        "shared with 111122223333, whose functions can't be seen",
        "/rdspool-beta/mine points to it",
        None,
        "one of the last 2",
        "one of the last 2",
    ]
    done = run(aws, "prune", *WHERE, "--keep", 2, "--yes")
    assert done.returncode == 0, done.stderr
    assert versions(aws, REGION) == [1, 2, 3, 4, 6, 7]
    # It was replaced just now, and stays for as long as the policy says.
    assert run(aws, "prune", *WHERE, "--keep", 2, "--yes", "--shared").returncode == 0
    assert versions(aws, REGION) == [1, 2, 3, 4, 6, 7]
    assert run(aws, "prune", *WHERE, "--keep", 2, "--yes", "--shared", "--days", 0).returncode == 0
    assert versions(aws, REGION) == [1, 2, 4, 6, 7]


def test_prune_retires_a_release_with_its_parameter_only_when_asked(aws, published):
    published(2)
    name = LATEST.replace("latest", RELEASE)
    client(aws, "ssm", REGION).put_parameter(Name=name, Value=arn(aws, 1), Type="String", Overwrite=True)
    assert run(aws, "prune", *WHERE, "--keep", 1, "--yes").returncode == 0
    assert versions(aws, REGION) == [1, 2]
    assert run(aws, "prune", *WHERE, "--keep", 1, "--retire", "--yes").returncode == 0
    assert versions(aws, REGION) == [2]
    assert parameter(aws, REGION, name) is None
    assert parameter(aws, REGION) == arn(aws, 2)


def test_prune_removes_nothing_where_it_could_not_see_the_functions(aws, published):
    published(3)
    aws.fault(when=Call(operation="ListFunctions"), do=disabled(), times=None)
    done = run(aws, "prune", *WHERE, "--keep", 1, "--yes")
    assert done.returncode == 1
    assert versions(aws, REGION) == [1, 2, 3]


def test_a_real_layer_is_published_and_verified_by_its_arn_also_by_another_account(aws, tmp_path):
    here = ".".join(map(str, sys.version_info[:2]))
    target = matrix.target(here, "x86_64")
    assemble(target, Path(sys.executable), cache_dir(), tmp_path, lambda _: None)
    where = ["publish", "--stage", "beta", "--regions", REGION, "--python", here, "--arch", "x86_64"]
    done = run(aws, *where, "--dist", tmp_path, "--share", "111122223333", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    published = json.loads(done.stdout)["layers"][0]["arn"]
    other = ["--account", "arn:aws:iam::111122223333:role/reader"]
    verified = run(aws, "verify", published, "--interpreter", sys.executable, *other)
    assert (verified.returncode, verified.stdout) == (0, f"{published}: the same bytes\n"), verified.stderr
    refused = run(aws, "verify", published, "--account", "arn:aws:iam::444455556666:role/reader")
    assert refused.returncode == 1
    assert f"may not do lambda:GetLayerVersion on {published}" in refused.stderr


def test_verify_of_an_arn_that_is_none_says_what_one_looks_like(aws):
    done = run(aws, "verify", "arn:aws:lambda:eu-west-1:layer")
    assert done.returncode == 1
    assert "is not the ARN of a layer version, such as arn:aws:lambda:" in done.stderr


def test_the_catalogue_is_the_same_from_the_accounts_and_from_the_report(aws, tmp_path):
    dist, kept = build(tmp_path / "dist"), tmp_path / "report.json"
    run(aws, *publishing(dist, "eu-west-1,us-east-1", "--yes", "--report", kept))
    read = run(aws, "catalog", "--stage", "beta", "--regions", "eu-west-1,us-east-1", "--output", tmp_path / "a")
    assert read.returncode == 0, read.stderr
    aws.clear()
    assert run(aws, "catalog", "--from", kept, "--output", tmp_path / "b").returncode == 0
    assert aws.calls() == []
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["feed.atom", "index.html", "layers.csv", "layers.json", "layers.md"]
    for name in ("layers.md", "layers.json", "layers.csv", "index.html", "feed.atom"):
        assert "pure" not in (tmp_path / "a" / name).read_text()
        assert (tmp_path / "a" / name).read_text() == (tmp_path / "b" / name).read_text()
    rows = list(csv.DictReader((tmp_path / "a" / "layers.csv").read_text().splitlines()))
    assert [(row["region"], row["arn"]) for row in rows] == [(region, arn(aws, 1, region)) for region in ("eu-west-1", "us-east-1")]
    assert json.loads((tmp_path / "a" / "layers.json").read_text())["layers"][0]["parameter"] == LATEST
    markdown = (tmp_path / "a" / "layers.md").read_text()
    assert f"| us-east-1 | {RELEASE} | `{arn(aws, 1, 'us-east-1')}` |" in markdown
    assert f"{{{{resolve:ssm:{LATEST}}}}}" in markdown


def test_the_feed_has_each_release_that_has_a_parameter_with_the_time_of_its_last_publication(aws, published, tmp_path):
    published(1, "eu-west-1,us-east-1")
    api, release = client(aws, "ssm", REGION), LATEST.replace("latest", RELEASE)
    first = client(aws, "lambda", REGION).get_layer_version(LayerName=LAYER, VersionNumber=1)
    older = first["Description"].replace(RELEASE, "0.0.9")
    zipped = build(tmp_path / "older").joinpath(f"{TARGET.name}.zip").read_bytes()
    made = client(aws, "lambda", REGION).publish_layer_version(LayerName=LAYER, Description=older, Content={"ZipFile": zipped})
    api.put_parameter(Name=release.replace(RELEASE, "0.0.9"), Value=made["LayerVersionArn"], Type="String")
    site = "https://code.example/owner/rdspool"
    command = ["catalog", "--stage", "beta", "--regions", "eu-west-1,us-east-1", *ONE, "--site", site, "--output", tmp_path / "a"]
    done = run(aws, *command)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "a" / "feed.atom").read_text()
    names = {"a": feed.ATOM}
    root = ElementTree.fromstring(text)  # noqa: S314 (written by us)
    found = {entry.findtext("a:title", namespaces=names): entry for entry in root.findall("a:entry", names)}
    assert set(found) == {"rdspool-beta 0.0.9", f"rdspool-beta {RELEASE}"}
    second = client(aws, "lambda", "us-east-1").get_layer_version(LayerName=LAYER, VersionNumber=1)["CreatedDate"]
    latest = max(datetime.fromisoformat(each) for each in (first["CreatedDate"], second)).isoformat(timespec="seconds")
    entry = found[f"rdspool-beta {RELEASE}"]
    assert entry.findtext("a:updated", namespaces=names) == latest
    assert entry.findtext("a:content", namespaces=names).startswith("Layers for Python 3.13 on x86_64 in 2 regions.")
    assert entry.find("a:link", names).attrib["href"] == f"{site}/releases/tag/v{RELEASE}"
    # Readers know an entry by its id: it is the same in the next feed.
    ids = [each.text for each in root.iter(f"{{{feed.ATOM}}}id")]
    assert len(set(ids)) == len(ids) == 3
    assert run(aws, *command).returncode == 0
    assert (tmp_path / "a" / "feed.atom").read_text() == text


def test_the_catalogue_leaves_out_what_the_report_says_failed(aws, tmp_path):
    dist, kept = build(tmp_path / "dist"), tmp_path / "report.json"
    aws.fault(when=Call(region="us-east-1", service="lambda"), do=disabled(), times=None)
    run(aws, *publishing(dist, "eu-west-1,us-east-1", "--yes", "--report", kept))
    assert run(aws, "catalog", "--from", kept, "--output", tmp_path / "a").returncode == 0
    assert "us-east-1" not in (tmp_path / "a" / "layers.md").read_text()


def test_a_report_of_an_earlier_release_gives_the_layers_that_there_still_are(aws, tmp_path):
    dist, kept = build(tmp_path / "dist"), tmp_path / "report.json"
    run(aws, *publishing(dist, REGION, "--yes", "--report", kept))
    written = json.loads(kept.read_text())
    (row,) = written["layers"]
    other = LAYER.replace("beta-", "beta-c-")
    written["layers"] = [row | {"flavour": "pure"}, row | {"flavour": "c", "layer": other, "arn": row["arn"].replace(LAYER, other)}]
    kept.write_text(json.dumps(written))
    assert run(aws, "catalog", "--from", kept, "--output", tmp_path / "a").returncode == 0
    assert [one["arn"] for one in json.loads((tmp_path / "a" / "layers.json").read_text())["layers"]] == [arn(aws, 1)]


def test_versions_of_an_earlier_release_are_listed_with_theirs_and_layers_of_another_kind_are_left_alone(aws, tmp_path):
    api, other = client(aws, "lambda", REGION), LAYER.replace("beta-", "beta-c-")
    for layer, kind in ((LAYER, "pure"), (other, "c")):
        zipped = build(tmp_path / kind).joinpath(f"{TARGET.name}.zip").read_bytes()
        described = f"rdspool 0.0.9 ({kind}), CPython 3.13.0, sha256 {archive.code_sha256(zipped)}"
        api.publish_layer_version(LayerName=layer, Description=described, Content={"ZipFile": zipped})
    client(aws, "ssm", REGION).put_parameter(
        Name=LATEST.replace("/latest", "/c/latest"), Value=f"{arn(aws, 1).replace(LAYER, other)}", Type="String"
    )
    assert [(one["arn"], one["release"]) for one in lines(run(aws, "list", *WHERE, "--json"))] == [(arn(aws, 1), "0.0.9")]
    assert run(aws, *publishing(build(tmp_path / "dist", content=b"newer\n"), REGION, "--yes")).returncode == 0
    assert run(aws, "prune", *WHERE, "--keep", 1, "--yes").returncode == 0
    assert (versions(aws, REGION), versions(aws, REGION, other)) == ([2], [1])
    catalogued = run(aws, "catalog", *WHERE, "--output", tmp_path / "a")
    assert catalogued.returncode == 0, catalogued.stderr
    assert [one["arn"] for one in json.loads((tmp_path / "a" / "layers.json").read_text())["layers"]] == [arn(aws, 2)]


def test_the_catalogue_has_the_hash_of_the_zip_that_is_there_and_says_when_its_description_has_another(aws, tmp_path, published):
    published()
    api, name = client(aws, "lambda", REGION), f"{TARGET.name}.zip"
    true = api.get_layer_version(LayerName=LAYER, VersionNumber=1)
    other = build(tmp_path / "other", content=b"leak\n").joinpath(name).read_bytes()
    api.publish_layer_version(LayerName=LAYER, Description=true["Description"], Content={"ZipFile": other})
    client(aws, "ssm", REGION).put_parameter(Name=LATEST, Value=arn(aws, 2), Type="String", Overwrite=True)
    done = run(aws, "catalog", *WHERE, "--output", tmp_path / "a")
    assert done.returncode == 1
    (row,) = json.loads((tmp_path / "a" / "layers.json").read_text())["layers"]
    assert (row["arn"], row["code_sha256"]) == (arn(aws, 2), archive.code_sha256(other))
    described, there = true["Content"]["CodeSha256"], archive.code_sha256(other)
    assert f"{arn(aws, 2)} is described with the sha256 {described}, Lambda reports {there}" in done.stderr
    listed = {line["arn"]: line["code_sha256"] for line in lines(run(aws, "list", *WHERE, "--json"))}
    assert listed == {arn(aws, 1): None, arn(aws, 2): there}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: [], "is not a JSON object"),
        (lambda report: report | {"layers": None}, "has not a list at layers"),
        (lambda report: report | {"layers": ["x"]}, "has not an object at layers.0"),
        (lambda report: report | {"layers": [{}]}, "has not a text at layers.0.status"),
        (lambda report: report | {"layers": [{"status": "published"}]}, "layers.0 can't be used: "),
        *(
            (lambda report, name=name, value=value: report | {"layers": [report["layers"][0] | {name: value}]}, "layers.0 can't be used: ")
            for name, value in (
                ("arn", None),
                ("arn", "x"),
                ("version", "1"),
                ("python", "2.7"),
                ("stage", "x"),
                ("account", 5),
                ("region", []),
                ("created", None),
                ("created", "yesterday"),
            )
        ),
    ],
)
def test_a_report_that_lacks_something_is_an_error_that_names_it(aws, tmp_path, change, words):
    kept = tmp_path / "report.json"
    run(aws, *publishing(build(tmp_path / "dist"), REGION, "--yes", "--report", kept))
    kept.write_text(json.dumps(change(json.loads(kept.read_text()))))
    done = run(aws, "catalog", "--from", kept, "--output", tmp_path / "a")
    assert done.returncode == 1
    assert f"{kept}" in done.stderr
    assert words in done.stderr


def test_a_plan_is_no_source_for_a_catalogue(aws, tmp_path):
    dist, kept = build(tmp_path / "dist"), tmp_path / "report.json"
    run(aws, *publishing(dist, REGION, "--report", kept))
    done = run(aws, "catalog", "--from", kept)
    assert done.returncode == 1
    assert "is not a report of `python -m layer publish --yes --report`" in done.stderr


def test_the_targets_file_is_what_the_layer_is_named_after():
    assert TARGET.name == "rdspool-python3.13-x86_64"
    assert LAYER == "rdspool-beta-python3_13-x86_64"
