"""Run a headless Chromium for tests of web pages: Debian's, unpacked into the cache without installation, or an installed one."""

from __future__ import annotations

import shutil
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from .cache import debian, say
from .errors import LocalError
from .server.process import free_port, run_folder, running

ARGUMENTS = (
    "--headless",
    # Chromium's sandbox needs permissions that a container does not have. It loads only pages of this project.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_TIMEOUT = 60.0  # seconds
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Browser:
    """A running WebDriver server at `address` (a URL) for the browser `binary`. `origin` says where the browser comes from."""

    address: str
    binary: Path
    profile: Path
    origin: str

    @property
    def arguments(self) -> list[str]:
        """The command line arguments for the browser."""
        return [*ARGUMENTS, f"--user-data-dir={self.profile}"]


@dataclass(frozen=True)
class _Program:
    binary: Path
    driver: Path
    libraries: tuple[Path, ...]
    fonts: Path | None
    origin: str


@contextmanager
def start() -> Iterator[Browser]:
    """Run chromedriver until the block or this process ends. Raise LocalError when there is no Chromium."""
    program = _program()
    with run_folder() as folder:
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        variables = {"HOME": str(folder), "TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
        if program.libraries:
            variables["LD_LIBRARY_PATH"] = ":".join(map(str, program.libraries))
        if program.fonts:
            variables["FONTCONFIG_FILE"] = str(_font_configuration(folder, program.fonts))

        def ready() -> bool:
            try:
                with urllib.request.urlopen(f"{address}/status", timeout=1) as answer:  # noqa: S310 (the address is local)
                    return bool(answer.status == 200)
            except OSError:
                return False

        command = [str(program.driver), f"--port={port}", "--allowed-ips=127.0.0.1"]
        with running(
            command, folder=folder, ready=ready, what="chromedriver", timeout=_TIMEOUT, stop=signal.SIGTERM, environment=variables
        ):
            yield Browser(address, program.binary, folder / "profile", program.origin)


def _program() -> _Program:
    try:
        return _debian()
    except LocalError as error:
        # Other systems have no package with this name.
        return _installed(error)


def _debian() -> _Program:
    root = debian("host", "chromium", "chromium", "chromium-driver")
    libraries = tuple(
        sorted({library.parent for pattern in ("usr/lib/*-linux-gnu/*.so*", "lib/*-linux-gnu/*.so*") for library in root.glob(pattern)})
    )
    inner = tuple(folder for parent in libraries for folder in parent.iterdir() if folder.name in ("pulseaudio", "nss"))
    # usr/bin/chromium is a script that expects the browser below /usr.
    binary, driver = root / "usr/lib/chromium/chromium", root / "usr/bin/chromedriver"
    for path in (binary, driver):
        if not path.is_file():
            raise LocalError(f"{path} is missing from the packages of this machine's release.")
    return _Program(binary, driver, libraries + inner, root / "usr/share/fonts", f"Debian's, in {root}")


def _installed(error: LocalError) -> _Program:
    binary = next((found for found in map(shutil.which, _NAMES) if found), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        missing = "Chromium" if binary is None else "chromedriver"
        raise LocalError(
            f"{missing} is not installed, and Debian's is not available: {error} Install Chromium and chromedriver of the same version."
        ) from error
    say(f"using the installed browser {binary}, because Debian's is not available: {error}")
    return _Program(Path(binary), Path(driver), (), None, f"installed: {binary}")


def _font_configuration(folder: Path, fonts: Path) -> Path:
    path = folder / "fonts.conf"
    path.write_text(
        f"<fontconfig><dir>{escape(str(fonts))}</dir><cachedir>{escape(str(folder / 'fonts'))}</cachedir>"
        "<alias><family>system-ui</family><prefer><family>DejaVu Sans</family></prefer></alias></fontconfig>"
    )
    return path
