"""The workflows for GitHub Actions: sound, least in rights, pinned, and calling commands that exist."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from layer.__main__ import main
from layer.commands.catalog import catalog
from layer.matrix import PROJECT, names

FOLDER = PROJECT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
TOOLS = Path(sys.executable).parent


def steps(path: Path):
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        yield from job["steps"]


def test_there_are_three():
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml", "security.yml"]


def test_they_are_of_githubs_schema():
    command = [TOOLS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing_in_them_not_even_as_a_pedant():
    command = [TOOLS / "zizmor", "--offline", "--no-progress", "--persona=pedantic", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # A file that it could not look into in full would pass, too.
    assert "WARN" not in done.stderr


def test_zizmor_would_find_something(tmp_path):
    bad = tmp_path / ".github" / "workflows" / "bad.yml"
    bad.parent.mkdir(parents=True)
    bad.write_text((FOLDER / "release.yml").read_text().replace("08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "v5"))
    done = subprocess.run([TOOLS / "zizmor", "--offline", bad], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "unpinned-uses" in done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_with_its_version_named(path):
    lines = [line for line in path.read_text().splitlines() if "uses:" in line]
    assert lines
    for line in lines:
        assert re.search(r"uses: [\w-]+(/[\w-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_rights_but_those_that_a_job_asks_for_and_no_keys(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    assert all(job["permissions"] for job in workflow["jobs"].values())
    assert not re.search(r"secrets\.|access.key", path.read_text(), re.IGNORECASE)


def test_the_release_goes_through_beta_and_an_approval():
    jobs = yaml.safe_load((FOLDER / "release.yml").read_text())["jobs"]
    assert [(name, job.get("needs"), job.get("environment")) for name, job in jobs.items()] == [
        ("ci", None, None),
        ("build", None, None),
        ("rebuild", "build", None),
        ("peers", None, None),
        ("distributions", None, None),
        ("arm64", "build", None),
        ("archives", "build", None),
        ("attest", ["ci", "rebuild", "arm64", "peers", "archives"], None),
        ("attest-sbom", "attest", None),
        ("beta", "attest-sbom", "beta"),
        ("canary", "beta", "beta"),
        ("prod", "canary", "prod"),
        ("sar", "prod", "sar"),
        ("pypi", ["distributions", "prod"], "pypi"),
        ("release", "prod", None),
    ]
    assert [name for name, job in jobs.items() if "id-token" in job["permissions"]] == [
        "attest",
        "attest-sbom",
        "beta",
        "canary",
        "prod",
        "sar",
        "pypi",
    ]


def test_ci_runs_the_drivers_tests_with_every_python():
    job = yaml.safe_load((FOLDER / "ci.yml").read_text())["jobs"]["pythons"]
    assert job["strategy"]["matrix"] == {"python": names("python")}
    assert job["steps"][1]["with"]["python-version"] == job["steps"][2]["env"]["VERSION"] == "${{ matrix.python }}"
    assert job["steps"][2]["run"] == 'tests/run.sh --python "$VERSION"'


GH = """#!/bin/sh
echo "$*" >> calls
case "$1 $2" in
  "run list") cat runs ;;
  "run watch") exit "$(cat conclusion)" ;;
  *) exit 9 ;;
esac
"""


@pytest.mark.parametrize(
    ("runs", "conclusion", "words"),
    [("77\n", 0, ""), ("77\n", 1, "CI failed for c0ffee: see its run 77"), ("", 0, "CI did not run for c0ffee")],
)
def test_the_release_asks_for_the_success_of_ci(tmp_path, runs, conclusion, words):
    """Run the script with a gh that knows such runs."""
    jobs = yaml.safe_load((FOLDER / "release.yml").read_text())["jobs"]
    (step,) = jobs["ci"]["steps"]
    for name, content in (("gh", GH), ("runs", runs), ("conclusion", str(conclusion))):
        (tmp_path / name).write_text(content)
    (tmp_path / "gh").chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "COMMIT": "c0ffee"}
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
    )
    assert (done.returncode, words in done.stdout) == (1 if words else 0, True)
    listed, *watched = (tmp_path / "calls").read_text().splitlines()
    assert "--workflow ci.yml --branch main --event push --commit c0ffee" in listed
    assert watched == (["run watch 77 --exit-status --interval 30"] if runs else [])


def test_a_commit_of_main_is_checked_to_the_end():
    concurrency = yaml.safe_load((FOLDER / "ci.yml").read_text())["concurrency"]
    assert concurrency["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"


def test_the_release_runs_sqlalchemys_tests_on_the_code_of_the_layer():
    job = yaml.safe_load((FOLDER / "release.yml").read_text())["jobs"]["archives"]
    commands = " ".join(step.get("run", "") for step in job["steps"])
    for command in ("dialect/run.sh --repository --sqlite --layer", "dialect/run.sh --repository --layer", "peers/run.sh --layer"):
        assert f"tests/{command} dist/rdspool-python3.13-x86_64.zip" in commands


def test_a_release_is_of_main_only_and_its_zips_are_built_again_in_the_same_images_with_the_same_bytes():
    jobs = yaml.safe_load((FOLDER / "release.yml").read_text())["jobs"]
    (checked,) = [step["run"] for step in jobs["build"]["steps"] if "merge-base" in step.get("run", "")]
    assert "git merge-base --is-ancestor HEAD origin/main ||" in checked
    (script,) = [step["run"] for step in jobs["rebuild"]["steps"] if "run" in step]
    assert '--docker --base "$base" --output again' in script
    assert 'cmp "$zip" "again/$name.zip"' in script


def test_the_rebuild_fails_when_one_byte_differs(tmp_path):
    """Run the script with a build that copies, once the same bytes and once others."""
    jobs = yaml.safe_load((FOLDER / "release.yml").read_text())["jobs"]
    (script,) = [step["run"] for step in jobs["rebuild"]["steps"] if "run" in step]
    (tmp_path / "dist").mkdir()
    (tmp_path / "build.sh").write_text('#!/bin/sh\nmkdir -p again; echo "$*" >> calls; cp "rdspool-python$2-$4.zip" again\n')
    (tmp_path / "build.sh").chmod(0o755)
    found = []
    for python in names("python"):
        for arch in names("architecture"):
            name = f"rdspool-python{python}-{arch}"
            for folder in (tmp_path, tmp_path / "dist"):
                (folder / f"{name}.zip").write_text(name)
            base = f"registry/python:{python}@sha256:0"
            statement = {"predicate": {"buildDefinition": {"externalParameters": {"base": base}}}}
            (tmp_path / "dist" / f"{name}.provenance.json").write_text(json.dumps(statement))
            found.append(f"--python {python} --arch {arch} --docker --base {base} --output again")

    def run():
        return subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run().returncode == 0, run().stderr
    assert set((tmp_path / "calls").read_text().splitlines()) == set(found)
    (tmp_path / "rdspool-python3.13-arm64.zip").write_text("other")
    assert run().returncode != 0


@pytest.mark.parametrize(("stage", "command"), [("beta", "layer publish"), ("prod", "layer publish"), ("sar", "sam publish")])
def test_what_is_published_was_attested_by_this_workflow(stage, command):
    found = [step.get("run", "") for step in yaml.safe_load((FOLDER / "release.yml").read_text())["jobs"][stage]["steps"]]
    verified = next(number for number, script in enumerate(found) if "gh attestation verify" in script)
    published = next(number for number, script in enumerate(found) if command in script)
    assert verified < published
    assert "/.github/workflows/release.yml" in found[verified]
    assert '--source-digest "$COMMIT"' in found[verified]


def test_every_file_of_the_catalogue_is_in_the_release():
    (script,) = [step["run"] for step in steps(FOLDER / "release.yml") if "gh release create" in step.get("run", "")]
    written = {name.strip(" .") for name in re.split(r",|and", catalog.help.splitlines()[0].partition(": ")[2])}
    assert written == {"layers.md", "layers.json", "layers.csv", "index.html", "feed.atom"}
    assert {name for name in written if f"dist/catalogue/{name}" in script} == written


def test_every_layers_sbom_is_attested():
    matrix = yaml.safe_load((FOLDER / "release.yml").read_text())["jobs"]["attest-sbom"]["strategy"]["matrix"]
    assert matrix == {"python": names("python"), "arch": names("architecture")}


def test_every_lock_file_gets_updates():
    updates = yaml.safe_load((PROJECT / ".github" / "dependabot.yml").read_text())["updates"]
    folders = {each["package-ecosystem"]: set(each.get("directories", [each.get("directory")])) for each in updates}
    tracked = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.splitlines()

    def having(pattern):
        return {f"/{path.rpartition('/')[0]}" for path in tracked if re.fullmatch(pattern, path.rpartition("/")[2])}

    assert folders["pip"] == having(r"(requirements.*|tools)\.txt")
    assert folders["npm"] == having(r"package-lock\.json")
    assert folders["terraform"] == having(r"versions\.tf")
    assert folders["github-actions"] == {"/"}


def test_the_release_runs_other_peoples_suites():
    job = yaml.safe_load((FOLDER / "release.yml").read_text())["jobs"]["peers"]
    assert "tests/peers/run.sh" in [step.get("run") for step in job["steps"]]


def test_the_release_runs_the_arm64_zips_on_arm64_with_every_python():
    job = yaml.safe_load((FOLDER / "release.yml").read_text())["jobs"]["arm64"]
    assert job["runs-on"].endswith("-arm")
    assert set(job["steps"][1]["with"]["python-version"].split()) == set(names("python"))
    assert '"$PYTHON" -m layer inspect --run dist/*-arm64.zip' in job["steps"][-1]["run"]


def test_the_release_builds_every_python_of_the_matrix():
    loop = next(step["run"] for step in steps(FOLDER / "release.yml") if "build.sh" in step.get("run", ""))
    assert f"for python in {' '.join(names('python'))};" in loop


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_script_is_sound_and_every_command_of_the_layer_takes_its_options(path):
    for script in (step["run"] for step in steps(path) if "run" in step):
        assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
        for call in re.findall(r'"\$PYTHON" -m layer ([^;|}\n]+)', script):
            name, *arguments = shlex.split(call)
            command = main.commands[name]
            # Options that don't exist or lack a value are refused here; files are looked at only when it runs.
            command.make_parser(click.Context(command)).parse_args(arguments)


def test_issue_forms_are_of_githubs_schemas():
    forms = sorted((PROJECT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert len(forms) > 1
    for form in forms:
        schema = "vendor.github-issue-config" if form.name == "config.yml" else "vendor.github-issue-forms"
        done = subprocess.run([TOOLS / "check-jsonschema", "--builtin-schema", schema, form], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_development_container_prepares_what_the_tests_need():
    container = json.loads((PROJECT / ".devcontainer" / "devcontainer.json").read_text())
    (script,) = shlex.split(container["postCreateCommand"])[2:]
    assert script == ". local/setup.sh && setup_venv tests"
