"""Run the mysql and mariadb images with a Docker engine, on machines without Debian's packages."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..cache import cache_dir, say
from ..certificates import authority
from ..errors import LocalError
from .process import free_port, run_folder, running
from .server import Kind, Server, connect_admin, version_of

_IMAGES: dict[Kind, str] = {"mysql": "mysql:8.4", "mariadb": "mariadb:11.4"}
_PASSWORD: dict[Kind, str] = {"mysql": "MYSQL_ROOT_PASSWORD", "mariadb": "MARIADB_ROOT_PASSWORD"}
_PULL_TIMEOUT = 600.0  # seconds
_TIMEOUT = 120.0  # seconds, including the initialisation of the data directory


def missing() -> str | None:
    """Return None if an engine answers, otherwise a sentence about what is missing."""
    client = shutil.which("docker")
    if client is None:
        return "there is no docker command on the PATH."
    try:
        run = subprocess.run([client, "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True, timeout=20)
    except subprocess.TimeoutExpired:
        return f"the engine that {client} talks to does not answer within 20 s."
    if run.returncode != 0:
        return f"{client} reaches no engine ({(run.stderr.strip().splitlines() or ['no reason given'])[-1]})."
    return None


def _pull(image: str) -> None:
    if subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode == 0:
        return
    say(f"pulling the image {image} (once)")
    try:
        run = subprocess.run(["docker", "pull", "--quiet", image], capture_output=True, text=True, timeout=_PULL_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise LocalError(f"docker did not pull {image} within {_PULL_TIMEOUT:.0f} s: check the network, or pull it manually.") from error
    if run.returncode != 0:
        raise LocalError(f"docker can't pull {image}: {run.stderr.strip()}. Check the network and the registry, or pull it manually.")


@contextmanager
def run(kind: Kind, options: Sequence[str] = ()) -> Iterator[Server]:
    """Run a container of the image with its port on 127.0.0.1 and a certificate of the cache's authority. Remove it at the end."""
    image = _IMAGES[kind]
    _pull(image)
    trusted = authority(cache_dir() / "authority")
    certificate, key = trusted.issue(["localhost", "127.0.0.1"])
    port, password = free_port(), secrets.token_urlsafe(18)
    with run_folder() as place:
        # The server in the container runs as another user, who must read the key. The parent folder is private.
        tls = place / "tls"
        tls.mkdir()
        for source, name in ((trusted.ca, "ca.pem"), (certificate, "cert.pem"), (key, "key.pem")):
            shutil.copyfile(source, tls / name)
            (tls / name).chmod(0o644)
        tls.chmod(0o755)
        # The client stays in the foreground and forwards SIGTERM. The password is in its environment, because others can read arguments.
        command = ["docker", "run", "--rm", "--init", "--pull", "never", "--name", place.name, "--publish", f"127.0.0.1:{port}:3306"]
        command += ["--volume", f"{tls}:/tls:ro", "--env", _PASSWORD[kind], image]
        command += ["--ssl-ca=/tls/ca.pem", "--ssl-cert=/tls/cert.pem", "--ssl-key=/tls/key.pem", "--skip-log-bin", *options]
        found: list[str] = []

        def ready() -> bool:
            try:
                connection = connect_admin(
                    host="127.0.0.1", port=port, socket=None, user="root", password=password, ssl={"ca": str(trusted.ca)}
                )
            except LocalError:
                return False
            found.append(version_of(connection))
            connection.close()
            return True

        with running(
            command,
            folder=place,
            ready=ready,
            what=f"the container of {image}",
            timeout=_TIMEOUT,
            stop=signal.SIGTERM,
            grace=20.0,
            environment={_PASSWORD[kind]: password},
        ):
            yield Server(
                kind=kind,
                version=found[-1],
                host="127.0.0.1",
                port=port,
                socket=None,
                admin_user="root",
                admin_password=password,
                ca=trusted.ca,
            )
