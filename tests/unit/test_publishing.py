"""The logic of publishing without AWS: names, grants, the plan, errors in words, pruning, levels, the gate."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree

import click
import pytest
from botocore import exceptions

from layer import matrix
from layer.__main__ import main
from layer.building import archive, wheels
from layer.building.source import Source
from layer.checks.finding import SIGNER_FILE
from layer.errors import LayerError
from layer.evidence import provenance
from layer.publishing import feed, gate, pruning, stages
from layer.publishing.artefact import Artefact
from layer.publishing.errors import explain
from layer.publishing.grants import Grant, Policy
from layer.publishing.inventory import Entry
from layer.publishing.plan import Found, Wanted, compare
from layer.publishing.report import uneven
from layer.publishing.versions import Listed, Version, describe, interpreter
from local.cache import cache_dir

TARGET = matrix.target("3.13", "x86_64")
BETA, PROD = stages.stage("beta"), stages.stage("prod")
PUBLIC = Grant("public")


def test_every_layer_has_a_name_that_lambda_takes_and_that_leads_back():
    found = {}
    for stage in (BETA, PROD):
        for target in matrix.targets():
            name = stage.layer(target)
            assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
            assert stages.identify(name) == (target, stage)
            found[name] = stage.parameter(target, "latest")
    assert len(found) == len(set(found.values())) == 12


def test_names_and_parameters_of_the_readme():
    assert PROD.layer(TARGET) == "rdspool-python3_13-x86_64"
    assert BETA.layer(matrix.target("3.12", "arm64")) == "rdspool-beta-python3_12-arm64"
    assert PROD.parameter(TARGET, "latest") == "/rdspool/python3.13/x86_64/latest"
    assert PROD.parameter(TARGET, "0.1.0") == "/rdspool/python3.13/x86_64/0.1.0"


def test_nothing_is_shared_unless_asked():
    assert BETA.share == PROD.share == frozenset()


@pytest.mark.parametrize(
    ("text", "statement_id", "arguments"),
    [
        ("public", "public", {"Principal": "*"}),
        ("111122223333", "account-111122223333", {"Principal": "111122223333"}),
        ("o-a1b2c3d4e5", "organization-o-a1b2c3d4e5", {"Principal": "*", "OrganizationId": "o-a1b2c3d4e5"}),
    ],
)
def test_grants_have_one_name_each(text, statement_id, arguments):
    grant = Grant.parse(text)
    assert grant.arguments == {"StatementId": statement_id, "Action": "lambda:GetLayerVersion", **arguments}
    assert str(grant) == text


@pytest.mark.parametrize("text", ["everybody", "1234", "o-", "arn:aws:iam::111122223333:root"])
def test_nobody_else_can_be_shared_with(text):
    with pytest.raises(LayerError, match="is not a valid grantee: give public, an account's 12 digits"):
        Grant.parse(text)


def test_policies_are_read_as_aws_writes_them_and_what_is_not_a_plain_grant_is_no_grant():
    def statement(sid, principal, **more):
        return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": "lambda:GetLayerVersion", "Resource": "x", **more}

    organization = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
    document = {
        "Statement": [
            statement("a", "*"),
            statement("b", {"AWS": "arn:aws-cn:iam::111122223333:root"}),
            statement("c", "*", Condition=organization),
            statement("d", "*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
            statement("e", "*", Condition={**organization, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
            statement("f", "*", Effect="Deny"),
            statement("g", {"AWS": "arn:aws:iam::111122223333:role/one"}),
        ]
    }
    policy = Policy.read(json.dumps(document))
    assert policy.grants == {"a": PUBLIC, "b": Grant("account", "111122223333"), "c": Grant("organization", "o-a1b2c3d4e5")}
    assert policy.others == {"d", "e", "f", "g"}
    assert Policy.read(None) == Policy({})


ARTEFACT = Artefact(TARGET, matrix.PROJECT / "x.zip", b"", "h" * 43 + "=", "1.2.3", "CPython 3.13.0", ("python3.13",), ("x86_64",), "GPL")
WANTED = Wanted(ARTEFACT, PROD, frozenset({PUBLIC}))


def version(number: int) -> Version:
    return Version(
        number, f"arn:{number}", ARTEFACT.code_sha256, ("python3.13",), ("x86_64",), "GPL", "", "", "2026-11-25T10:00:00.000+0000"
    )


def found(*numbers: int, latest: str = "arn:1", release: str = "arn:1", grants: tuple[Grant, ...] = (PUBLIC,)) -> Found:
    policy = Policy({grant.statement_id: grant for grant in grants})
    return Found(tuple(map(version, numbers)), None, policy, ((WANTED.latest, latest), (WANTED.release, release)))


def test_an_empty_region_gets_all():
    difference = compare(WANTED, Found())
    assert difference.publish
    assert difference.steps() == [
        "publish a version",
        "share with public",
        "set /rdspool/python3.13/x86_64/1.2.3",
        "set /rdspool/python3.13/x86_64/latest",
    ]


def test_a_region_as_wanted_gets_nothing():
    assert compare(WANTED, found(1)).empty


@pytest.mark.parametrize("name", ["latest", "release"])
def test_a_parameter_that_points_elsewhere_is_set(name):
    difference = compare(WANTED, found(1, **{name: "arn:aws:lambda:x:y:layer:z:9"}))
    assert difference.steps() == [f"set {getattr(WANTED, name)} (now z:9)"]


def test_only_the_missing_grant_is_added():
    wanted = dataclasses.replace(WANTED, grants=frozenset({PUBLIC, Grant("account", "111122223333")}))
    assert compare(wanted, found(1)).grants == (Grant("account", "111122223333"),)


def test_of_two_versions_with_the_same_bytes_the_one_that_is_pointed_to_is_used():
    difference = compare(WANTED, found(2, 1))
    assert difference.empty
    assert difference.notes == ("the same zip is published as versions 1, 2",)
    assert compare(WANTED, found(2, 1, latest="", release="")).parameters[0][0] == WANTED.release
    assert found(2, 1, latest="", release="").version.version == 2


@pytest.mark.parametrize(
    ("change", "word"), [({"runtimes": ()}, "runtimes"), ({"architectures": ("arm64",)}, "architectures"), ({"licence": ""}, "licence")]
)
def test_what_cannot_be_changed_is_a_fault(change, word):
    there = dataclasses.replace(found(1), same=(dataclasses.replace(version(1), **change),))
    (fault,) = compare(WANTED, there).faults
    assert fault.startswith(f"arn:1 has the {word} ")
    assert "delete that version and run this again" in fault


def test_a_release_that_means_another_zip_is_a_fault_where_releases_are_immutable():
    there = found(2, release="arn:1", latest="arn:1")
    assert compare(WANTED, there).faults == ()
    (fault,) = compare(dataclasses.replace(WANTED, immutable=True), there).faults
    assert "1.2.3 is already published with another zip (arn:1)" in fault


@pytest.mark.parametrize(
    ("base", "run"),
    [
        (TARGET.base_image, True),
        (f"{TARGET.base_image}@sha256:{'0' * 64}", True),
        (f"{TARGET.base_image.rpartition(':')[0]}@sha256:{'0' * 64}", True),
        (matrix.target("3.12", "x86_64").base_image, False),
        (f"{TARGET.base_image}-mine", False),
        (f"registry.example/{TARGET.base_image}", False),
        (None, False),
    ],
)
def test_only_awss_image_is_taken_from_the_provenance_to_compile_again(tmp_path, base, run):
    artefact = replace(ARTEFACT, path=tmp_path / f"{TARGET.name}.zip")
    assert gate.image(artefact) is None
    statement = {"predicate": {"buildDefinition": {"externalParameters": {"base": base} if base else {}}}}
    artefact.path.with_suffix(".provenance.json").write_text(json.dumps(statement))
    assert gate.image(artefact) == (base if run else None)


def test_the_description_has_release_interpreter_and_hash_and_fits():
    text = describe("rdspool", "10.20.30rc1", "CPython 3.13.11", ARTEFACT.code_sha256)
    assert len(text) <= 256
    assert interpreter(text) == "CPython 3.13.11"
    assert interpreter(text.replace("10.20.30rc1", "0.1.0 (pure)")) == "CPython 3.13.11"
    assert interpreter("by hand") is None


def refusal(code: str, message: str = "", status: int = 400) -> exceptions.ClientError:
    return exceptions.ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}, "X")


@pytest.mark.parametrize(
    ("error", "words", "flags"),
    [
        (refusal("AccessDeniedException"), "the caller may not do lambda:X on arn:y", set()),
        (refusal("403", status=403), "may not do lambda:X on arn:y", set()),
        (
            refusal(
                "AccessDenied",
                "User: arn:aws:sts::1:assumed-role/a/b is not authorized to perform: ssm:PutParameter on resource: arn:z with an explicit"
                " deny in a service control policy",
            ),
            "ssm:PutParameter on arn:z is denied to arn:aws:sts::1:assumed-role/a/b by service control policy",
            set(),
        ),
        (refusal("ExpiredToken"), "the credentials have expired", {"everywhere"}),
        (refusal("UnrecognizedClientException"), "this one is not enabled in the account", {"everywhere", "disabled"}),
        (refusal("SignatureDoesNotMatch"), "check this machine's clock", {"everywhere"}),
        (refusal("TooManyRequestsException", status=429), "throttles the account", {"again"}),
        (refusal("Whatever", "x", 502), "had an internal error", {"again", "unknown"}),
        (refusal("CodeStorageExceededException"), "python -m layer prune", set()),
        (refusal("413", status=413), "give --bucket", set()),
        (exceptions.EndpointConnectionError(endpoint_url="u"), "eu-west-1 cannot be reached", {"everywhere", "again"}),
        (exceptions.ConnectTimeoutError(endpoint_url="u"), "eu-west-1 cannot be reached", {"everywhere", "again"}),
        (exceptions.ReadTimeoutError(endpoint_url="u"), "did not answer in time", {"everywhere", "again", "unknown"}),
        (exceptions.ConnectionClosedError(endpoint_url="u"), "closed the connection", {"again", "unknown"}),
        (exceptions.NoCredentialsError(), "aws sso login", {"everywhere"}),
    ],
)
def test_errors_are_reported_in_words(error, words, flags):
    explained = explain(error, action="lambda:X", resource="arn:y", region="eu-west-1")
    assert words in str(explained)
    assert {name for name in ("everywhere", "again", "unknown", "disabled") if getattr(explained, name)} == flags


def entry(number: int, *parameters: str, grants: tuple[Grant, ...] = (), release: str = "1.0.0") -> Entry:
    listed = Listed(number, f"arn:{number}", f"2026-0{number}-01T00:00:00.000+0000", release, None, None)
    return Entry(None, TARGET, "layer", listed, Policy({grant.statement_id: grant for grant in grants}), parameters)


@pytest.mark.parametrize(
    ("old", "options", "keep"),
    [
        (entry(1), {}, None),
        (entry(1), {"users": {"arn:1": ["f", "g:2"]}}, "used by f, g:2"),
        (entry(1, "/x/1.0.0"), {}, "/x/1.0.0 points to it"),
        (entry(1, "/x/1.0.0"), {"retire": True}, None),
        (entry(1, "/x/latest"), {"retire": True}, "/x/latest points to it"),
        (entry(1, "/x/1.0.0", "/x/other"), {"retire": True}, "/x/other points to it"),
        (entry(1, grants=(PUBLIC,)), {}, "shared with public, whose functions can't be seen"),
        # The next version is of February.
        (entry(1, grants=(PUBLIC,)), {"shared": datetime(2026, 2, 2, tzinfo=UTC)}, None),
        (entry(1, grants=(PUBLIC,)), {"shared": datetime(2026, 1, 31, tzinfo=UTC)}, "shared with public, whose functions can't be seen"),
        (entry(1, grants=(PUBLIC,)), {"shared": datetime(2026, 2, 2, tzinfo=UTC), "users": {"arn:1": ["f"]}}, "used by f"),
    ],
)
def test_pruning(old, options, keep):
    options = dict(options)
    users = options.pop("users", {})
    newest, oldest = pruning.decide([entry(2), old], users, last=1, **options)
    assert newest.keep == "one of the last 1"
    assert oldest.keep == keep


def test_retiring_takes_only_the_releases_own_parameter_away():
    (_, old) = pruning.decide([entry(2), entry(1, "/x/1.0.0")], {}, last=1, retire=True)
    assert old.unpoint == ("/x/1.0.0",)


def test_numbers_that_are_not_level_are_reported_by_region():
    rows = [("1", "a", 3, "eu-west-1"), ("1", "a", 3, "eu-north-1"), ("1", "a", 1, "us-east-1"), ("1", "b", 1, "us-east-1")]
    assert uneven(rows) == ["a in 1: version 1 in us-east-1; version 3 in eu-north-1, eu-west-1"]


@pytest.mark.parametrize("release", ["1.0.0rc1", "1.0.0.dev3", "1.0.0a1", "1.0.0+local"])
def test_prod_takes_no_version_that_is_not_a_release(release):
    gate.version(BETA, release)
    with pytest.raises(LayerError, match="is not a release, so it can't be published to prod"):
        gate.version(PROD, release)
    gate.version(PROD, "1.0.0.post1")


def test_a_tree_that_is_not_committed_is_reported_by_its_files():
    with pytest.raises(LayerError, match=r"unknown whether the tree is committed \(git is not installed\)"):
        gate.committed(Source(unknown="git is not installed"))
    gate.committed(Source("c0ffee"))
    with pytest.raises(LayerError, match=r"the tree has changes that are not committed \(a, b\): nobody could rebuild"):
        gate.committed(Source("c0ffee", changed=("a", "b")))


TREE = Source("c0ffee" * 6 + "abcd")


@pytest.fixture
def artefact(tmp_path):
    """Return an artefact with the provenance of a build from a committed tree."""
    target = matrix.target("3.13", "x86_64")
    path = tmp_path / f"{target.name}.zip"
    path.write_bytes(archive.written([archive.Entry("python/a.py", b"", b"", 0, 0o100444)]))
    made = Artefact(target, path, path.read_bytes(), "", "1.0", "", (), (), "")
    path.with_suffix(".provenance.json").write_text(json.dumps(statement_of(made, TREE)))
    return made


def statement_of(artefact, source):
    bytecode = {"interpreter": "CPython 3.13.0", "magic": ""}
    manifest = {"file": artefact.path.name, "sha256": archive.sha256(artefact.zipped), "packages": [], "bytecode": bytecode}
    return json.loads(provenance.statement(artefact.target, manifest, source, provenance.builder(None)))


def test_prod_takes_a_zip_whose_provenance_names_it_this_commit_and_no_changes(artefact):
    gate.provenance(artefact, TREE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: None, "is missing, so it is unknown from which commit the zip was built"),
        (lambda _: [], "is not a JSON object"),
        (lambda _: {}, "is the provenance of another zip"),
        (lambda made: made | {"subject": [{"digest": {"sha256": "0" * 64}}]}, "is the provenance of another zip"),
        (lambda made: made | {"subject": [{"digest": []}]}, "has not a text at subject.0.digest.sha256"),
        (lambda made: made | {"predicate": []}, "has not a list at predicate.buildDefinition.resolvedDependencies"),
        (lambda made: made | {"predicate": {"buildDefinition": {"resolvedDependencies": []}}}, "names 0 sources"),
    ],
)
def test_prod_takes_no_other_provenance(artefact, change, words):
    path = artefact.path.with_suffix(".provenance.json")
    changed = change(json.loads(path.read_text()))
    path.unlink()
    if changed is not None:
        path.write_text(json.dumps(changed))
    with pytest.raises(LayerError, match=words):
        gate.provenance(artefact, TREE)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Source(TREE.commit, changed=("python/rdspool/token.py",)), "was built from files that are in no commit"),
        (Source("0" * 40), f"was built from the commit {'0' * 40}, this tree is at {TREE.commit}"),
        (Source(unknown="git is not installed"), "has not a text at .*annotations.inputs"),
    ],
)
def test_prod_takes_no_zip_of_another_commit_or_with_changes(artefact, source, words):
    artefact.path.with_suffix(".provenance.json").write_text(json.dumps(statement_of(artefact, source)))
    with pytest.raises(LayerError, match=words):
        gate.provenance(artefact, TREE)


def test_a_signed_zip_is_the_one_of_its_provenance_if_what_was_signed_is(artefact):
    files = {"python/a.py": b"text\n" * 9}
    unsigned = archive.pack(files, wheels.install_tools(cache_dir()))
    place = artefact.path.with_suffix(".provenance.json")
    place.write_text(place.read_text().replace(archive.sha256(artefact.zipped), archive.sha256(unsigned)))
    for path, data, fits in (("python/a.py", files["python/a.py"], True), ("python/a.py", b"other", False)):
        entries = [archive.Entry(name, one, one, 0, 0o100444) for name, one in ((path, data), (SIGNER_FILE, b"signed"))]
        artefact.path.write_bytes(archive.written(entries))
        signed = replace(artefact, zipped=artefact.path.read_bytes())
        if fits:
            gate.provenance(signed, TREE)
        else:
            with pytest.raises(LayerError, match="is the provenance of another zip"):
                gate.provenance(signed, TREE)


def test_the_feed_has_what_atom_asks_for_and_the_newest_release_first():
    published = [
        feed.Published(release, created, region, "3.13", "arm64")
        for release, created, region in (
            ("1.0.0", "2026-11-25T23:30:00.123+0000", "eu-west-1"),
            ("1.0.1", "2026-11-26T00:10:00.000+0000", "eu-west-1"),
            ("0.9.10", "2026-11-24T10:00:00.000+0000", "eu-west-1"),
            # A region that was added to a release later.
            ("0.9.10", "2026-11-26T02:00:00.000+0200", "us-east-1"),
        )
    ]
    root = ElementTree.fromstring(feed.as_atom(published, "rdspool"))  # noqa: S314 (written by us)
    entries = root.findall("{*}entry")
    assert [(entry.findtext("{*}title"), entry.findtext("{*}updated")) for entry in entries] == [
        ("rdspool 1.0.1", "2026-11-26T00:10:00+00:00"),
        ("rdspool 0.9.10", "2026-11-26T00:00:00+00:00"),
        ("rdspool 1.0.0", "2026-11-25T23:30:00+00:00"),
    ]
    assert root.findtext("{*}updated") == "2026-11-26T00:10:00+00:00"
    assert root.findtext("{*}author/{*}name") == "rdspool"
    assert [each.tag for each in (root, *entries)] == [f"{{{feed.ATOM}}}{tag}" for tag in ("feed", "entry", "entry", "entry")]
    for each in (root, *entries):
        assert each.findtext("{*}id").startswith("urn:uuid:")
        assert each.findtext("{*}title")
        assert {link.get("rel") for link in each.findall("{*}link")} >= {"alternate"}
    elsewhere = ElementTree.fromstring(feed.as_atom(published, "rdspool", "https://code.example/fork"))  # noqa: S314 (written by us)
    assert not {each.text for each in root.iter("{*}id")} & {each.text for each in elsewhere.iter("{*}id")}


GUIDE = matrix.PROJECT / "docs" / "publishing.md"


def test_the_policy_of_the_guide_is_the_one_that_prune_keeps():
    days = matrix.section("policy")["shared_days"]
    assert f"more than\n{days} days ago" in GUIDE.read_text()
    assert f"at least {round(days / 365 * 12)} months after" in GUIDE.read_text()


def test_the_policy_of_the_guide_allows_every_call_that_is_made():
    text = GUIDE.read_text()
    policy = json.loads(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0])
    actions = [statement["Action"] for statement in policy["Statement"]]
    allowed = {action for named in actions for action in ([named] if isinstance(named, str) else named)}
    made = set()
    for path in (matrix.PROJECT / "layer" / "publishing").glob("*.py"):
        if path.name == "signer.py":  # who signs need not be who publishes
            continue
        for service, operation in re.findall(r'\.(?:ask|pages)\(\s*"(\w+)", "(\w+)"', path.read_text()):
            made.add(f"{service}:{''.join(part.capitalize() for part in operation.split('_'))}")
    # AWS has no rights of their names.
    alias = {
        "s3:HeadObject": "s3:GetObject",
        "lambda:GetLayerVersionByArn": "lambda:GetLayerVersion",
        "lambda:Invoke": "lambda:InvokeFunction",
    }
    # CreateFunction needs the right to give the function its role.
    assert {alias.get(action, action) for action in made} | {"iam:PassRole"} == allowed


@pytest.mark.parametrize(("path", "least"), [(matrix.PROJECT / "layer" / "README.md", 5), (GUIDE, 10)], ids=["README", "guide"])
def test_the_commands_of_the_documents_take_the_options_that_they_give_them(path, least):
    calls = re.findall(r"^(?:    )?(?:arn=\$\()?(?:\.venv/bin/)?python -m layer ([^#)\n]+)", path.read_text(), re.MULTILINE)
    assert len(calls) >= least
    for call in calls:
        name, *arguments = shlex.split(call)
        command = main.commands[name]
        command.make_parser(click.Context(command)).parse_args(arguments)
