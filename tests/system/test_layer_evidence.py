"""What lies beside a layer: an SBOM that is valid and whole, and a provenance statement of this very zip."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from layers import LayerOf

from layer import matrix
from layer.building import wheels
from layer.building.source import Source
from layer.checks.finding import read
from layer.checks.inspection import inspect
from layer.errors import LayerError
from layer.evidence import components, provenance, sbom
from local.cache import cache_dir

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module", params=["x86_64", "arm64"])
def zipped(request: pytest.FixtureRequest, layer_of: LayerOf) -> Path:
    return layer_of(request.param)


@pytest.fixture
def manifest(zipped: Path) -> dict[str, Any]:
    return json.loads(zipped.with_suffix(".json").read_text())


@pytest.fixture
def bom(zipped: Path) -> dict[str, Any]:
    return json.loads(zipped.with_suffix(".cdx.json").read_text())


@pytest.fixture
def statement(zipped: Path) -> dict[str, Any]:
    return json.loads(zipped.with_suffix(".provenance.json").read_text())


def named(bom: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {component["name"]: component for component in bom["components"]}


def test_the_sbom_is_valid_cyclonedx(zipped: Path) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(zipped.with_suffix(".cdx.json").read_text()) is None


def test_the_sbom_holds_each_file_once_with_its_hash(zipped: Path, bom: dict[str, Any]) -> None:
    listed = [file for component in bom["components"] for file in component.get("components", ())]
    with zipfile.ZipFile(zipped) as opened:
        found = {name: hashlib.sha256(opened.read(name)).hexdigest() for name in opened.namelist()}
    assert len(listed) == len(found)
    assert {file["name"]: file["hashes"][0]["content"] for file in listed} == found


def test_each_package_has_version_licence_supplier_and_the_locks_hash(bom: dict[str, Any]) -> None:
    components = named(bom)
    lock = wheels.REQUIREMENTS.read_text()
    for name, version in wheels.pins().items():
        component = components[name]
        assert (component["version"], component["purl"]) == (version, f"pkg:pypi/{name}@{version}")
        assert f"--hash=sha256:{component['hashes'][0]['content']}" in lock
        assert component["supplier"]["name"]
        assert component["licenses"]
    assert components["mysql-connector-python"]["licenses"] == [{"expression": "GPL-2.0-only WITH Universal-FOSS-exception-1.0"}]
    assert components["sqlalchemy"]["licenses"] == [{"license": {"id": "MIT"}}]
    found = {name: component["cpe"] for name, component in components.items() if "cpe" in component}
    assert found == {
        "sqlalchemy": f"cpe:2.3:a:sqlalchemy:sqlalchemy:{wheels.pins()['sqlalchemy']}:*:*:*:*:*:*:*",
        "mysql-connector-python": rf"cpe:2.3:a:oracle:mysql_connector\/python:{wheels.pins()['mysql-connector-python']}:*:*:*:*:*:*:*",
    }
    assert components["rdspool-roots"]["type"] == "data"
    assert components["rdspool"]["purl"].startswith("pkg:generic/rdspool@")


def test_nothing_is_in_the_layer_but_what_the_lock_names_rdspool_and_the_roots(bom: dict[str, Any]) -> None:
    assert named(bom).keys() == {*wheels.pins(), "rdspool", "rdspool-roots"}


def test_every_component_is_reached_from_the_layer(bom: dict[str, Any]) -> None:
    needs = {entry["ref"]: entry.get("dependsOn", []) for entry in bom["dependencies"]}
    assert needs["sqlalchemy"] == ["typing-extensions"]
    assert {"sqlalchemy", "mysql-connector-python", "rdspool-roots"} <= set(needs["rdspool"])
    reached, waiting = set(), [bom["metadata"]["component"]["bom-ref"]]
    while waiting:
        reference = waiting.pop()
        if reference not in reached:
            reached.add(reference)
            waiting += needs[reference]
    assert reached == {component["bom-ref"] for component in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}


def test_the_same_zip_and_time_give_the_same_sbom(zipped: Path, manifest: dict[str, Any], bom: dict[str, Any]) -> None:
    contents = read(zipped, matrix.parse(zipped.name))
    made = [sbom.sbom(contents, manifest, epoch) for epoch in (1_700_000_000, 1_700_000_000, None)]
    assert made[0] == made[1]
    assert json.loads(made[0])["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert "timestamp" not in json.loads(made[2])["metadata"]
    assert {json.loads(each)["serialNumber"] for each in made} == {bom["serialNumber"]}
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(made[2]) is None


def test_a_file_of_no_package_is_refused(zipped: Path, manifest: dict[str, Any]) -> None:
    target = matrix.parse(zipped.name)
    files = read(zipped, target).inside | {"stray.py": b""}
    with pytest.raises(LayerError, match=r"stray\.py belongs to no package"):
        components.parts(target, files, manifest["packages"])


def test_the_provenance_is_a_statement_about_this_zip(zipped: Path, manifest: dict[str, Any], statement: dict[str, Any]) -> None:
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["subject"] == [{"name": zipped.name, "digest": {"sha256": hashlib.sha256(zipped.read_bytes()).hexdigest()}}]
    assert set(statement) == {"_type", "subject", "predicateType", "predicate"}
    definition, run = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    assert definition["buildType"]
    assert run["builder"]["id"]
    target = matrix.parse(zipped.name)
    assert definition["externalParameters"] == {
        "target": {"python": target.python, "architecture": target.architecture},
        "interpreter": manifest["bytecode"]["interpreter"],
        "indexes": wheels.indexes(),
    }
    for dependency in definition["resolvedDependencies"]:
        # Each has to be found by at least one of these (in-toto's ResourceDescriptor).
        assert dependency.keys() & {"uri", "digest"}, dependency
        assert all(len(value) in (40, 64) for value in dependency.get("digest", {}).values())
    listed = {dependency["name"]: dependency for dependency in definition["resolvedDependencies"]}
    for package in manifest["packages"]:
        if "wheel" in package:
            assert listed[package["wheel"]]["digest"] == {"sha256": package["sha256"]}
    assert listed["interpreter"]["uri"] == f"pkg:generic/cpython@{manifest['bytecode']['interpreter'].removeprefix('CPython ')}"
    assert {"source", "deflate", "ziglang", "layer/requirements.txt", "layer/tools.txt"} <= listed.keys()


def described(zipped: Path, manifest: dict[str, Any], source: Source, builder: str | None = None) -> dict[str, Any]:
    made = provenance.statement(matrix.parse(zipped.name), manifest, source, provenance.builder(builder))
    definition: dict[str, Any] = json.loads(made)["predicate"]
    return definition


def tree(predicate: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = predicate["buildDefinition"]["resolvedDependencies"][0]
    return found


def test_a_commit_vouches_only_for_its_own_files(zipped: Path, manifest: dict[str, Any]) -> None:
    clean = described(zipped, manifest, Source(COMMIT, 1, "https://example.com/rdspool.git"))
    assert tree(clean)["digest"] == {"gitCommit": COMMIT}
    assert tree(clean)["uri"] == f"git+https://example.com/rdspool.git@{COMMIT}"
    elsewhere = described(zipped, manifest, Source(COMMIT, 1, changed=("README.md",)))
    assert tree(elsewhere)["digest"] == {"gitCommit": COMMIT}
    assert tree(elsewhere)["annotations"] == {"state": "dirty", "inputs": "clean", "changedInputs": []}
    dirty = described(zipped, manifest, Source(COMMIT, 1, changed=("README.md", "python/rdspool/_aws/token.py")))
    assert "digest" not in tree(dirty)
    assert tree(dirty)["annotations"] == {
        "state": "dirty",
        "inputs": "dirty",
        "changedInputs": ["python/rdspool/_aws/token.py"],
        "basedOn": COMMIT,
    }
    assert tree(described(zipped, manifest, Source(unknown="git is not installed")))["annotations"]["unknown"] == "git is not installed"


def test_the_builder_is_the_workflow_unless_one_is_named(zipped: Path, manifest: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_SERVER_URL", "GITHUB_WORKFLOW_REF"):
        monkeypatch.delenv(name, raising=False)
    assert described(zipped, manifest, Source())["runDetails"]["builder"]["id"] == matrix.provenance()["local_builder"]
    workflow = "someone/rdspool/.github/workflows/release.yml@refs/tags/v1"
    for name, value in {
        "SERVER_URL": "https://github.com",
        "WORKFLOW_REF": workflow,
        "REPOSITORY": "someone/rdspool",
        "RUN_ID": "7",
        "RUN_ATTEMPT": "2",
    }.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    run = described(zipped, manifest, Source())["runDetails"]
    assert run["builder"]["id"] == f"https://github.com/{workflow}"
    text = (matrix.PROJECT / "layer" / "README.md").read_text()
    assert (
        described(zipped, manifest, Source())["buildDefinition"]["buildType"]
        == "https://github.com/someone/rdspool/blob/main/layer/README.md#provenance"
    )
    assert "\n### Provenance\n" in text
    assert run["metadata"]["invocationId"] == "https://github.com/someone/rdspool/actions/runs/7/attempts/2"
    assert described(zipped, manifest, Source(), "https://example.com/b")["runDetails"]["builder"]["id"] == "https://example.com/b"


def test_evidence_of_another_zip_is_a_fault(zipped: Path, tmp_path: Path) -> None:
    target = matrix.parse(zipped.name)
    for path in zipped.parent.iterdir():
        shutil.copyfile(path, tmp_path / path.name)
    copy = tmp_path / zipped.name
    assert inspect(copy, target).faults == []
    for suffix, what in ((".cdx.json", "SBOM"), (".provenance.json", "provenance")):
        path = copy.with_suffix(suffix)
        kept = path.read_text()
        sha256 = json.loads(copy.with_suffix(".json").read_text())["sha256"]
        path.write_text(kept.replace(sha256, "0" * 64))
        [fault] = inspect(copy, target).faults
        assert (fault.check, fault.path) == ("beside", path.name)
        assert fault.message.startswith(f"is the {what} of {'0' * 64}")
        path.write_text(kept)
    copy.with_suffix(".cdx.json").write_text("no JSON")
    assert "is not valid JSON" in inspect(copy, target).faults[0].message


def test_every_licence_text_of_the_wheels_is_inside(zipped: Path, manifest: dict[str, Any]) -> None:
    target = matrix.parse(zipped.name)
    inside = read(zipped, target).inside
    notice = inside[f"rdspool-{manifest['version']}.dist-info/licenses/THIRD-PARTY-NOTICES.txt"].decode()
    for wheel in wheels.fetch(target, cache_dir()):
        with zipfile.ZipFile(wheel.path) as opened:
            texts = [name for name in opened.namelist() if ".dist-info/licen" in name.lower() and not name.endswith("/")]
            assert texts, wheel.name
            for name in texts:
                assert inside[name] == opened.read(name), name
        assert f"{wheel.name} {wheel.version}\n" in notice
    assert "GPL-2.0 with the Universal FOSS Exception" in notice
