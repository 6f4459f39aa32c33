"""The TLS context: always verifying, with the roots of the host's region and no others."""

import ssl
from pathlib import Path

import pytest
from rdspool import Settings, SettingsError
from rdspool._aws.authorities import ROOTS, root_files
from rdspool._driver import tls

INSTANCE = "db.c1abc.eu-central-1.rds.amazonaws.com"
PROXY = "p.proxy-c1abc.eu-central-1.rds.amazonaws.com"


def files_of(host, **more):
    settings = Settings.load(environ={}, host=host, user="app", **more)
    return root_files(settings.host, settings.region, settings.ca)


@pytest.mark.parametrize(
    ("host", "more", "names"),
    [
        (INSTANCE, {}, ["eu-central-1.pem"]),
        (PROXY, {}, ["proxy.pem"]),
        ("proxy-db.c1abc.eu-central-1.rds.amazonaws.com", {}, ["eu-central-1.pem"]),
        ("db.internal.example.com", {"region": "eu-west-1"}, ["eu-west-1.pem", "proxy.pem"]),
        ("proxy-db.example.com", {"region": "eu-west-1"}, ["eu-west-1.pem", "proxy.pem"]),
    ],
)
def test_roots_of_a_host(host, more, names):
    assert [file.rpartition("/")[2] for file in files_of(host, **more)] == names


def test_own_authorities_are_in_place_of_the_shipped_ones(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text(Path(ROOTS, "eu-west-1.pem").read_text())
    assert files_of(INSTANCE, ca=str(file)) == (str(file),)


def test_a_region_without_roots():
    with pytest.raises(SettingsError, match=r"'xx-south-9'.*RDSPOOL_CA"):
        files_of("db.internal", region="xx-south-9")
    with pytest.raises(SettingsError, match=r"'db\.internal'.*RDSPOOL_REGION"):
        files_of("db.internal", password="pw")


def test_the_context_verifies_and_is_kept():
    files = files_of(INSTANCE)
    context = tls.context(files)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is True
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert tls.context(files) is context
    subjects = [dict(part[0] for part in root["subject"])["commonName"] for root in context.get_ca_certs()]
    assert subjects
    assert all("eu-central-1" in subject for subject in subjects)


@pytest.mark.parametrize("file", sorted(Path(ROOTS).glob("*.pem")), ids=lambda file: file.stem)
def test_every_shipped_file_loads(file):
    assert tls.context((str(file),)).get_ca_certs()
