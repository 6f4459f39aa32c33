"""Signing with AWS Signer: S3 is moto's, over HTTP; of Signer's own API, which moto does not have, a stand-in plays the two calls.

Their paths and fields are those that botocore's model of the service sends and takes.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from layers import HERE, LayerOf
from moto.server import ThreadedMotoServer

from layer import matrix
from layer.building import archive
from layer.checks.finding import SIGNER_FILE, read
from layer.checks.inspection import inspect
from local.cache import cache_dir

TARGET = matrix.target(HERE, "x86_64")
REGION, BUCKET, PROFILE = "eu-central-1", "layers-123456789012-eu-central-1", "rdspool"


class Signer:
    """The stand-in: signs by adding a file, after one answer that the job is under way. `spoil` changes what it gives back."""

    def __init__(self, s3: Any) -> None:
        self.s3 = s3
        self.jobs: dict[str, dict[str, Any]] = {}
        self.spoil: Callable[[zipfile.ZipFile], None] = lambda _: None
        self.failure: str | None = None
        self.asked = 0

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        source, destination = request["source"]["s3"], request["destination"]["s3"]
        assert request["profileName"] == PROFILE
        assert request["clientRequestToken"]
        data = self.s3.get_object(Bucket=source["bucketName"], Key=source["key"], VersionId=source["version"])["Body"].read()
        buffer = io.BytesIO(data)
        with zipfile.ZipFile(buffer, "a") as opened:
            opened.writestr(SIGNER_FILE, "a signature")
            self.spoil(opened)
        number = f"job-{len(self.jobs)}"
        key = f"{destination['prefix']}{number}.zip"
        self.s3.put_object(Bucket=destination["bucketName"], Key=key, Body=buffer.getvalue())
        self.jobs[number] = {"bucketName": destination["bucketName"], "key": key}
        return {"jobId": number, "jobOwner": "123456789012"}

    def describe(self, number: str) -> dict[str, Any]:
        self.asked += 1
        job = {"jobId": number, "profileName": PROFILE, "profileVersion": "AbCdEf1234"}
        if self.asked == 1:
            return job | {"status": "InProgress"}
        if self.failure:
            return job | {"status": "Failed", "statusReason": self.failure}
        return job | {"status": "Succeeded", "signedObject": {"s3": self.jobs[number]}}


@pytest.fixture
def signer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Signer]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    url = f"http://{host}:{port}"
    # What it holds is the process's, whichever server answers.
    urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")).close()  # noqa: S310  the server above
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "ENDPOINT_URL": url, "CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    made = Signer(s3)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/signing-jobs"
            self.answer(made.start(json.loads(self.rfile.read(int(self.headers["Content-Length"])))))

        def do_GET(self) -> None:
            self.answer(made.describe(self.path.removeprefix("/signing-jobs/")))

        def answer(self, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SIGNER", f"http://127.0.0.1:{server.server_port}")
    yield made
    s3.close()
    server.shutdown()
    server.server_close()
    moto.stop()


@pytest.fixture
def versioned(signer: Signer) -> Signer:
    signer.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return signer


def sign(zipped: Path, output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "layer", "sign", str(zipped), "--output", str(output), "--aws-profile", PROFILE, "--region", REGION]
    variables = os.environ | {"RDSLOCAL_CACHE": str(cache_dir())}
    bucket = ["--bucket", "layers-{account}-{region}"]
    return subprocess.run([*command, *bucket, *options], cwd=matrix.PROJECT, env=variables, capture_output=True, text=True, check=False)


def test_a_signed_zip_has_its_own_hash_and_the_same_files(versioned: Signer, layer_of: LayerOf, tmp_path: Path) -> None:
    unsigned = layer_of("x86_64")
    result = sign(unsigned, tmp_path)
    assert result.returncode == 0, result.stderr
    path = tmp_path / unsigned.name
    before, after = (json.loads(zipped.with_suffix(".json").read_text()) for zipped in (unsigned, path))
    assert after["sha256"] == archive.sha256(path.read_bytes()) != before["sha256"]
    assert result.stdout == f"{after['sha256']}  {path}\n"
    assert f"its sha256 was {before['sha256']} before the signature" in " ".join(result.stderr.split())
    assert after["code_sha256"] == archive.code_sha256(path.read_bytes())
    assert after["signed"] == {
        "by": "AWS Signer",
        "profile": PROFILE,
        "profile_version": "AbCdEf1234",
        "job": "job-0",
        "unsigned_sha256": before["sha256"],
    }
    old, new = read(unsigned, TARGET).files, read(path, TARGET).files
    assert new == old | {SIGNER_FILE: b"a signature"}
    bom = json.loads(path.with_suffix(".cdx.json").read_text())
    assert bom["metadata"]["component"]["hashes"][0]["content"] == after["sha256"]
    assert [file["name"] for file in bom["metadata"]["component"]["components"]] == [SIGNER_FILE]
    assert inspect(path, TARGET).faults == []
    again = sign(path, tmp_path / "twice")
    assert again.returncode == 1
    assert "does not sign twice" in " ".join(again.stderr.split())


def test_a_bucket_without_versions_is_reported(signer: Signer, layer_of: LayerOf, tmp_path: Path) -> None:
    result = sign(layer_of("x86_64"), tmp_path)
    assert result.returncode == 1
    assert f"aws s3api put-bucket-versioning --bucket {BUCKET}" in result.stderr
    assert not signer.jobs


def test_a_job_that_fails_is_reported(versioned: Signer, layer_of: LayerOf, tmp_path: Path) -> None:
    versioned.failure = "the profile was canceled"
    result = sign(layer_of("x86_64"), tmp_path / "signed")
    assert result.returncode == 1
    assert "AWS Signer's job job-0 in eu-central-1 failed: the profile was canceled" in result.stderr
    assert not (tmp_path / "signed").exists()


def test_other_files_than_those_sent_are_refused(versioned: Signer, layer_of: LayerOf, tmp_path: Path) -> None:
    versioned.spoil = lambda opened: opened.writestr("python/extra.py", "")
    result = sign(layer_of("x86_64"), tmp_path)
    assert result.returncode == 1
    assert "with other files than it received: do not publish it" in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_half_of_the_options_is_refused(tmp_path: Path) -> None:
    zipped = tmp_path / f"{TARGET.name}.zip"
    zipped.write_bytes(b"")
    for options, words in ((["--aws-profile", "x"], "--aws-profile needs --bucket and --region too"), ([], "choose how to sign")):
        command = [sys.executable, "-m", "layer", "sign", str(zipped), *options]
        result = subprocess.run(command, cwd=matrix.PROJECT, capture_output=True, text=True, check=False)
        assert result.returncode == 1
        assert words in result.stderr
