"""Build rdspool's distributions for PyPI: an sdist, a wheel for every platform, and a wheel with the compiled part per architecture.

pip takes the wheel with the compiled part where it fits: Linux, x86_64 or arm64, any Python of layer/matrix.toml. Everywhere else, such as
on a Mac where a function is developed, it takes the other one, which reads rows in Python. So nobody needs a compiler, and an installation
from the sdist does not ask for one: it gives the wheel for every platform.

The compiled part has the same bytes as in a layer. rdspool_imports is in no distribution: without a layer's archives it does nothing.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from .. import matrix
from ..errors import LayerError
from . import extension, package, wheels
from .assemble import replace

Progress = Callable[[str], None]

_EPOCH = 315532800
"""The time of all files: 1980-01-01, the first that a zip can have."""
_LINK = re.compile(r"(?<=\]\()(?!https?://|#)([^)\s]+)")
_IMAGE = re.compile(r"(?<=\.)(?:svg|png)$")


def build(cache: Path, output: Path, progress: Progress, site: str | None = None) -> list[Path]:
    """Build and check the distributions, write them to the folder `output`, and return their paths: the sdist first, then the wheels.

    `site` is the URL of the project's repository, without which the relative links of the README lead nowhere on PyPI. Raise LayerError
    when a part is missing, or when a check finds something.
    """
    tools, compiler = wheels.install_tools(cache, wheels.DISTRIBUTION_TOOLS), wheels.install_tools(cache)
    with tempfile.TemporaryDirectory() as folder:
        tree, made = Path(folder, "tree"), Path(folder, "made")
        _write(tree, site)
        progress("building")
        _run(tools, "build", "--no-isolation", "--outdir", str(made), str(tree))
        (sdist,), (pure,) = made.glob("*.tar.gz"), made.glob("*.whl")
        sdist.write_bytes(_settled(sdist.read_bytes()))
        for architecture in matrix.names("architecture"):
            progress(f"compiling for {architecture}")
            _with_compiled(tools, pure, Path(folder, architecture), extension.build(architecture, compiler, cache), architecture)
        progress("checking")
        built = [sdist, *sorted(made.glob("*.whl"))]
        _check(tools, built)
        output.mkdir(parents=True, exist_ok=True)
        for path in built:
            replace(output / path.name, path.read_bytes())
    return [output / path.name for path in built]


def platforms(architecture: str) -> list[str]:
    """Return the platform tags of the wheel with the compiled part for an architecture."""
    machine = matrix.target(matrix.default("python"), architecture).machine
    return [f"{platform}_{machine}" for platform in matrix.section("distributions")["platforms"]]


def _write(tree: Path, site: str | None) -> None:
    """Write what an sdist is made from: what pip installs, and nothing else that lies in this tree."""
    files = {f"python/{path}": data for path, data in package.installed().items()}
    compiled = [f"python/{extension.FOLDER}/{name}" for name in extension.SOURCES]
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", *compiled):
        files[name] = (matrix.PROJECT / name).read_bytes()
    if site:
        files["README.md"] = _linked(files["README.md"].decode(), f"{site}/{{}}/v{package.project()['version']}").encode()
    for name, data in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)
        (tree / name).chmod(0o644)


def _linked(text: str, base: str) -> str:
    """Return a README whose relative links are absolute. `base` has a place for GitHub's kind of view: raw for images, else blob."""
    return _LINK.sub(lambda link: f"{base.format('raw' if _IMAGE.search(link[1]) else 'blob')}/{link[1]}", text)


def _with_compiled(tools: Path, pure: Path, work: Path, compiled: dict[str, bytes], architecture: str) -> None:
    """Write, beside the wheel for every platform, the same wheel with the compiled part."""
    _run(tools, "wheel", "unpack", "--dest", str(work), str(pure))
    (root,) = work.iterdir()
    for path, data in compiled.items():
        (root / path).write_bytes(data)
        (root / path).chmod(0o755)
    (metadata,) = root.glob("*.dist-info/WHEEL")
    lines = [line for line in metadata.read_text().splitlines() if line and not line.startswith(("Root-Is-Purelib:", "Tag:"))]
    oldest = matrix.target(matrix.names("python")[0], architecture)
    tags = [f"Tag: {oldest.abi}-abi3-{platform}" for platform in platforms(architecture)]
    metadata.write_text("\n".join([*lines, "Root-Is-Purelib: false", *tags]) + "\n")
    _run(tools, "wheel", "pack", "--dest-dir", str(pure.parent), str(root))


def _check(tools: Path, built: list[Path]) -> None:
    _run(tools, "twine", "check", "--strict", *map(str, built))
    _run(
        tools, "check_wheel_contents", f"--toplevel={','.join(package.INSTALLED)}", *(str(path) for path in built if path.suffix == ".whl")
    )
    for architecture in matrix.names("architecture"):
        expected = platforms(architecture)[0]
        (wheel,) = (path for path in built if expected in path.name)
        # The wheel's symbols allow this platform and all later ones.
        said = _run(tools, "auditwheel", "show", str(wheel))
        if f'"{expected}"' not in " ".join(said.split()):
            raise LayerError(f"{wheel.name} does not run on every {expected}: {' '.join(said.split())}")


def _run(tools: Path, module: str, *arguments: str) -> str:
    # Without the user's environment, which could reach the files: PIP_*, DIST_EXTRA_CONFIG, ...
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": str(tools),
        "SOURCE_DATE_EPOCH": str(_EPOCH),
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
    }
    result = subprocess.run([sys.executable, "-P", "-m", module, *arguments], env=environment, capture_output=True, text=True)
    if result.returncode:
        raise LayerError(f"{module} {arguments[0]} fails: {(result.stdout + result.stderr).strip()}")
    return result.stdout


def _settled(sdist: bytes) -> bytes:
    """Return an sdist without what differs between two builds: times, owners, and the order of the files."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(sdist)) as old, tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as new:
        for entry in sorted(old.getmembers(), key=lambda entry: entry.name):
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname, entry.pax_headers = _EPOCH, 0, 0, "", "", {}
            entry.mode = 0o755 if entry.isdir() else 0o644
            new.addfile(entry, old.extractfile(entry) if entry.isfile() else None)
    return gzip.compress(plain.getvalue(), mtime=0)
