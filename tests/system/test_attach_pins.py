"""What the four examples have in common: pinned tools, READMEs that name every parameter, one handler, and a clear word where a tool is missing."""

from __future__ import annotations

import json
import re

import attach_terraform as terraform
import attach_tools as tools
import pytest
from attach_examples import CONTEXT

PARAMETERS = {
    "sam": (r"^  (\w+):\n    Type: .*\n    Description", "template.yaml"),
    "cdk": (r'^    "(\w+)":', "cdk.json"),
    "terraform": (r'^variable "(\w+)"', "variables.tf"),
    "serverless": (r"\$\{param:(\w+)", "*.yml"),
}
UNTOLD = {"terraform": {"package"}}
"""What only the example's own tests set."""


@pytest.mark.parametrize("example", PARAMETERS)
def test_the_readme_has_a_row_for_every_parameter_and_for_no_other(example):
    pattern, files = PARAMETERS[example]
    declared = {name for file in (tools.EXAMPLES / example).glob(files) for name in re.findall(pattern, file.read_text(), re.MULTILINE)}
    assert len(declared) >= 10
    readme = (tools.EXAMPLES / example / "README.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE)) == declared - UNTOLD.get(example, set())


def test_the_cdk_values_are_the_contexts_keys():
    assert set(json.loads((tools.EXAMPLES / "cdk" / "cdk.json").read_text())["context"]) == set(CONTEXT.values())


@pytest.mark.parametrize("example", ["sam", "cdk"])
def test_the_tests_have_the_versions_that_the_readers_get(example):
    lock = tools.LOCK.read_text()
    for pin in (tools.EXAMPLES / example / "requirements.txt").read_text().split():
        assert re.fullmatch(r"[\w-]+==[\d.]+", pin)
        assert f"\n{pin} \\\n" in lock


@pytest.mark.parametrize("example", ["cdk", "serverless"])
def test_npms_lock_has_hashes_and_no_registry(example):
    lock = json.loads((tools.EXAMPLES / example / "package-lock.json").read_text())
    (pins,) = (package["devDependencies"] for name, package in lock["packages"].items() if name == "")
    assert all(re.fullmatch(r"[\d.]+", version) for version in pins.values())
    packages = [package for name, package in lock["packages"].items() if name]
    assert all("resolved" not in package for package in packages)
    assert all(package["integrity"].startswith("sha512-") for package in packages if not package.get("inBundle"))


def test_no_example_has_a_copy_of_the_handler(tmp_path):
    tools.checkout(tmp_path, *PARAMETERS)
    assert list(tmp_path.rglob("handler.py")) == [tmp_path / "connection_id" / "handler.py"]


@pytest.mark.parametrize(
    ("tool", "words"), [(tools.node, "node is not on the PATH"), (terraform.program, "terraform is not on the PATH.*install 1.9 or later")]
)
def test_a_missing_tool_fails_in_ci_and_is_named_elsewhere(monkeypatch, tool, words):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=words):
        tool()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match=words):
        tool()
