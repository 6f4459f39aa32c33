"""A running AWS API as its user holds it: where it is, what it was asked, the faults on order."""

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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, cast

from ..errors import LocalError
from .faults import Call, Do, to_json
from .records import Record

_ROOT = Path(__file__).resolve().parents[2]
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ")
_START = 60.0  # seconds
DIRECT_UPLOAD = 50 * 1024 * 1024
"""Bytes of a zip that Lambda takes directly."""

# "Dies with its parent" means the parent's thread, to the kernel: this one lasts as long as the process does.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aws-spawner")


class Aws:
    """A running API. Its first account is 123456789012; roles of any other one can be assumed."""

    account = "123456789012"

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self._token = token
        self._key = "AKIA" + secrets.token_hex(8).upper()
        self._secret = secrets.token_urlsafe(30)

    def __repr__(self) -> str:
        return f"<Aws at {self.address}>"

    def variables(self) -> dict[str, str]:
        """Return the environment in which the SDKs and the AWS CLI talk to this API, and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": self._key,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def fault(self, *, when: Call, do: Do, times: int | None = 1, after: int = 0) -> int:
        """Make `do` happen to the next `times` (None: all) calls that match `when`, after the first `after`. Returns the rule's id."""
        number: int = self._order("fault", when=asdict(when), do=to_json(do), times=times, after=after)
        return number

    def calls(self, operation: str | None = None) -> list[Record]:
        """Return the calls since the start or the last reset, in their order; those of one operation if it is given."""
        records = [Record(**record) for record in self._order("calls")]
        return [record for record in records if operation in (None, record.operation)]

    def clear(self) -> None:
        """Forget faults and records; what was made stays."""
        self._order("clear")

    def reset(self) -> None:
        """Forget faults, records and everything that was made, in all accounts."""
        self._request("POST", "/moto-api/reset", b"")
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
            raise LocalError(f"the AWS API at {self.address} is gone: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise LocalError(f"the AWS API at {self.address} answered {response.status} to {path}: {answer[:200]!r}")
        return answer


@contextmanager
def start(*, direct_upload: int = DIRECT_UPLOAD) -> Iterator[Aws]:
    """Run the API in a process of its own until the block ends or this process does. `direct_upload`: the limit for zips, in bytes."""
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
                said = log.read().decode(errors="replace").strip().splitlines()[-8:] or [f"it said nothing within {_START:.0f} s"]
                raise LocalError("the AWS API did not start: " + "\n  ".join(said))
            yield Aws(json.loads(line)["address"], token)
        finally:
            orders.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            answers.close()
