"""Start the AWS API, read the recorded calls, and set faults."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import select
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, cast

from ..environment import Credentials
from ..errors import LocalError
from ..fault_rules import to_json
from .faults import Call, Do
from .records import Record

_ROOT = Path(__file__).resolve().parents[2]
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "RDSLOCAL_CACHE", "XDG_CACHE_HOME")
_START = 60.0  # seconds
DIRECT_UPLOAD = 50 * 1024 * 1024
"""Lambda's limit for the direct upload of a zip, in bytes."""

# The kernel's "die with the parent" means the parent's thread. This thread lives as long as the process.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aws-spawner")


class Aws:
    """A running API. Its default account is 123456789012. Roles of any other account can be assumed."""

    account = "123456789012"

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self._token = token
        self._key = "AKIA" + secrets.token_hex(8).upper()
        self._secret = secrets.token_urlsafe(30)

    def __repr__(self) -> str:
        return f"<Aws at {self.address}>"

    def variables(self) -> dict[str, str]:
        """Return environment variables with which the SDKs and the AWS CLI use only this API."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": self._key,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def fault(self, *, when: Call, do: Do, times: int | None = 1, after: int = 0) -> int:
        """Apply the fault `do` to the next `times` (None: all) calls that match `when`, after the first `after`. Return the rule's id."""
        number: int = self._order("fault", when=asdict(when), do=to_json(do), times=times, after=after)
        return number

    def functions(
        self, *, hosts: Mapping[str, str], files: Mapping[str, Path] | None = None, credentials: Credentials | None = None
    ) -> None:
        """Set what functions reach when they are invoked, and their credentials, as of `local.environment.Environment`."""
        named = {name: str(path) for name, path in (files or {}).items()}
        self._order("functions", hosts=dict(hosts), files=named, credentials=asdict(credentials) if credentials else None)

    def calls(self, operation: str | None = None) -> list[Record]:
        """Return the calls since the start or the last `clear()`, in order, or only those of `operation`."""
        records = [Record(**record) for record in self._order("calls")]
        return [record for record in records if operation in (None, record.operation)]

    def clear(self) -> None:
        """Delete faults and records. Resources are kept."""
        self._order("clear")

    def reset(self) -> None:
        """Delete faults, records and the resources of all accounts."""
        self._request("POST", "/moto-api/reset", b"")
        self.functions(hosts={})
        self.clear()

    def _order(self, order: str, **values: Any) -> Any:
        return json.loads(self._request("POST", "/_control", json.dumps({"order": order, **values}).encode()))

    def _request(self, method: str, path: str, body: bytes) -> bytes:
        where = urllib.parse.urlsplit(self.address)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
        try:
            connection.request(method, path, body, {"Authorization": self._token})
            response = connection.getresponse()
            answer = response.read()
        except OSError as error:
            raise LocalError(f"the AWS API at {self.address} can't be reached: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise LocalError(f"the AWS API at {self.address} answered {response.status} to {path}: {answer[:200]!r}")
        return answer


@contextmanager
def start(*, direct_upload: int = DIRECT_UPLOAD) -> Iterator[Aws]:
    """Run the API in a separate process until the block or this process ends. `direct_upload` is the limit for zips, in bytes.

    Raise LocalError when it does not start.
    """
    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryFile() as log:
        process = _spawner.submit(
            subprocess.Popen,
            [sys.executable, "-m", "local.aws"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=_ROOT,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            start_new_session=True,
        ).result()
        orders, answers = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        try:
            orders.write(json.dumps({"token": token, "direct_upload": direct_upload}).encode() + b"\n")
            orders.flush()
            ready = select.select([answers], [], [], _START)[0]
            line = answers.readline() if ready else b""
            if not line:
                process.kill()
                process.wait()
                log.seek(0)
                lines = log.read().decode(errors="replace").strip().splitlines()[-8:] or [f"no output within {_START:.0f} s"]
                raise LocalError("the AWS API did not start: " + "\n  ".join(lines))
            yield Aws(json.loads(line)["address"], token)
        finally:
            orders.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            answers.close()
