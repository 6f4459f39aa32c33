"""The TLS context: always verifying, with the roots of the host's region and no others."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import ssl
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from rdspool import Settings, SettingsError
from rdspool._aws import diagnosis
from rdspool._aws.authorities import ROOTS, root_files
from rdspool._driver import resumption, tls, transport
from rdspool.creator import Creator
from rdspool.deadlines import within

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
        ("db.c1abc.us-gov-west-1.rds.amazonaws.com", {}, ["us-gov-west-1.pem"]),
        ("p.proxy-c1abc.us-gov-east-1.rds.amazonaws.com", {}, ["proxy.pem"]),
        ("db.c1abc.rds.cn-north-1.amazonaws.com.cn", {}, ["cn-north-1.pem"]),
        ("p.proxy-c1abc.rds.cn-northwest-1.amazonaws.com.cn", {}, ["proxy.pem"]),
        ("db.c1abc.mx-central-1.rds.amazonaws.com", {}, ["mx-central-1.pem"]),
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


@pytest.mark.parametrize(
    "host", ["db.c1abc.eusc-de-east-1.rds.amazonaws.eu", "p.proxy-c1abc.eusc-de-east-1.rds.amazonaws.eu", "db.internal"]
)
def test_the_european_sovereign_cloud_needs_its_authorities_as_a_file(host, tmp_path):
    with pytest.raises(SettingsError, match=r"'eusc-de-east-1'.*RDSPOOL_CA"):
        files_of(host, region="eusc-de-east-1")
    file = tmp_path / "ca.pem"
    file.write_text("its authorities")
    assert files_of(host, region="eusc-de-east-1", ca=str(file)) == (str(file),)


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


@pytest.mark.parametrize(("initialization", "made"), [("on-demand", True), ("snap-start", False)])
def test_the_context_is_made_with_the_creator_but_not_before_a_snapshot(tmp_path, monkeypatch, initialization, made):
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", initialization)
    file = tmp_path / "ca.pem"
    shutil.copy(Path(ROOTS, "eu-west-1.pem"), file)
    Creator(Settings.load(environ={}, host=INSTANCE, user="app", ca=str(file)))
    assert ((str(file),) in tls._contexts) is made


def test_a_creator_leaves_the_error_of_a_file_to_the_connect(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("not a certificate")
    create = Creator(Settings.load(environ={}, host=INSTANCE, user="app", password="pw", ca=str(file)))
    with pytest.raises(SettingsError, match=r"Settings.load\(ca=...\).*ca\.pem"):
        create()


@pytest.mark.parametrize("file", sorted(Path(ROOTS).glob("*.pem")), ids=lambda file: file.stem)
def test_every_shipped_file_loads(file):
    assert tls.context((str(file),)).get_ca_certs()


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # Starfield's is 0, which OpenSSL's strict rules take
@pytest.mark.parametrize("file", sorted(Path(ROOTS).glob("*.pem")), ids=lambda file: file.stem)
def test_every_shipped_root_keeps_to_the_strict_rules(file):
    """RFC 5280 as VERIFY_X509_STRICT checks it; a root that does not would make every connect to its region fail."""
    for root in x509.load_pem_x509_certificates(file.read_bytes()):
        extensions = root.extensions
        assert root.version is x509.Version.v3
        constraints = extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical
        assert constraints.value.ca
        usage = extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.value.key_cert_sign
        identifier = extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        assert not identifier.critical
        assert root.subject == root.issuer
        assert list(root.subject)


# -- handshakes -----------------------------------------------------------------------------------------------------------------

NAME = "db.test"
DAY = datetime.timedelta(days=1)


@pytest.fixture
def certificate(certificates, tmp_path):
    """Return a function that returns the files of a new certificate of the authority's, with the names and rules that a test wants."""

    def new(*, common_name=NAME, names=(NAME,), identifier=True, lasts=DAY):
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
            .issuer_name(certificates._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + lasts)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        if identifier:
            of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(certificates._key.public_key())
            builder = builder.add_extension(of_issuer, critical=False)
        files = tmp_path / "server.pem", tmp_path / "server.key"
        files[0].write_bytes(builder.sign(certificates._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files

    return new


@pytest.fixture
def handshake(pair):
    """Return a function that returns, within a block, the client's end of a TLS connection to a server with these files, its ticket read."""
    contexts = {}

    @contextmanager
    def connected(files, context, verified=None):
        if files not in contexts:
            contexts[files] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            contexts[files].load_cert_chain(*files)
        ours, theirs = pair()

        def serve():
            # A client that refuses, or has gone: what it has received is for the test to say.
            with theirs, contextlib.suppress(OSError), contexts[files].wrap_socket(theirs, server_side=True) as secured:
                secured.sendall(b"!")
                secured.recv(1)

        server = threading.Thread(target=serve)
        server.start()
        try:
            channel = transport.start_tls(ours, NAME, f"{NAME}:3306", context, verified and verified.session)
            with channel:
                assert channel.recv(1) == b"!"
                yield channel
        finally:
            ours.close()
            server.join()

    return connected


def test_a_certificate_with_alternative_names(handshake, certificate, certificates):
    with handshake(certificate(common_name="other"), tls.context((str(certificates.ca),))) as channel:
        assert channel.version() == "TLSv1.3"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"names": ()}, "for another name"),
        ({"names": ("other.test",)}, "for another name"),
        ({"identifier": False}, "RFC 5280"),
        ({"lasts": -DAY / 2}, "has expired"),
    ],
)
def test_a_certificate_that_is_refused(handshake, certificate, certificates, rules, words):
    """The common name is ignored, and the strict rules hold."""
    settings = Settings(host=NAME, user="app", region="eu-central-1", ca=str(certificates.ca))
    with pytest.raises(Exception, match="TLS with") as caught, handshake(certificate(**rules), tls.context((str(certificates.ca),))):
        pass
    explained = diagnosis.explain(caught.value, settings, None, within(1, "test"))
    assert type(explained).__name__ == "CertificateError"
    assert words in str(explained)


def test_the_certificates_of_the_local_authority_pass(handshake, certificates):
    with handshake(certificates.issue([NAME]), tls.context((str(certificates.ca),))):
        pass


# -- files ----------------------------------------------------------------------------------------------------------------------


def subjects(files):
    return {root["serialNumber"] for root in tls.context(files).get_ca_certs()}


def test_a_replaced_file_is_read(tmp_path):
    file = tmp_path / "ca.pem"
    shutil.copy(Path(ROOTS, "eu-west-1.pem"), file)
    first, kept = subjects((str(file),)), tls.context((str(file),))
    assert tls.context((str(file),)) is kept
    new = tmp_path / "new.pem"
    shutil.copy(Path(ROOTS, "eu-west-2.pem"), new)
    new.replace(file)
    assert subjects((str(file),)).isdisjoint(first)


def test_a_file_that_was_written_again_is_read_whatever_its_time_says(tmp_path):
    file = tmp_path / "ca.pem"
    texts = [Path(ROOTS, f"eu-west-{number}.pem").read_bytes() for number in (1, 2)]
    size = max(map(len, texts))
    file.write_bytes(texts[0].ljust(size, b"\n"))
    before = file.stat()
    first = subjects((str(file),))
    while file.stat().st_ctime_ns == before.st_ctime_ns:
        file.write_bytes(texts[1].ljust(size, b"\n"))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert subjects((str(file),)).isdisjoint(first)


def test_a_relative_name_is_that_of_the_working_directory(tmp_path, monkeypatch):
    found = []
    for region in ("eu-west-1", "eu-west-2", "eu-west-1"):
        folder = tmp_path / region
        folder.mkdir(exist_ok=True)
        if not (folder / "ca.pem").exists():
            shutil.copy(Path(ROOTS, f"{region}.pem"), folder / "ca.pem")
        monkeypatch.chdir(folder)
        found.append(subjects(("ca.pem",)))
    assert found[0] == found[2]
    assert found[0].isdisjoint(found[1])


def test_a_file_that_is_gone_is_trusted_no_more(tmp_path):
    file = tmp_path / "ca.pem"
    shutil.copy(Path(ROOTS, "eu-west-1.pem"), file)
    tls.context((str(file),))
    file.unlink()
    with pytest.raises(SettingsError, match=r"ca\.pem' can't be read as a PEM file"):
        tls.context((str(file),))


# -- resumption -----------------------------------------------------------------------------------------------------------------

ADDRESS = f"{NAME}:3306"


@pytest.fixture
def clock(monkeypatch):
    """Return the wall clock of the kept sessions, which a test sets ahead."""

    class Clock:
        ahead = 0.0

        def time(self):
            return time.time() + self.ahead

    found = Clock()
    monkeypatch.setattr(resumption, "time", found)
    return found


@pytest.fixture
def reconnect(handshake, certificates):
    """Return a function that connects as the driver does and returns whether the session was resumed."""
    context = tls.context((str(certificates.ca),))

    def again(files):
        verified = resumption.recall(context, ADDRESS)
        with handshake(files, context, verified) as channel:
            resumption.keep(context, ADDRESS, channel, verified)
            return channel.session_reused

    yield again
    resumption.forget()


def test_resumption_ends_with_the_full_handshakes_time(clock, reconnect, certificate):
    """Each step takes a new ticket from a resumed connection, and none of them moves the end."""
    files = certificate()
    assert [reconnect(files), reconnect(files)] == [False, True]
    resumed = 0
    while reconnect(files):
        resumed += 1
        clock.ahead += resumption.LONGEST / 10
        assert resumed <= 10
    assert resumed == 10
    assert reconnect(files)


def test_resumption_ends_with_the_certificate(clock, reconnect, certificate):
    files = certificate(lasts=datetime.timedelta(minutes=10))
    assert [reconnect(files), reconnect(files)] == [False, True]
    clock.ahead = 590
    assert reconnect(files)
    clock.ahead = 601
    assert not reconnect(files)


def test_no_resumption_before_the_full_handshake(clock, reconnect, certificate):
    """The clock was set back: nothing says how old the verification is."""
    files = certificate()
    assert [reconnect(files), reconnect(files)] == [False, True]
    clock.ahead = -3600
    assert not reconnect(files)


def test_a_ticket_belongs_to_the_handshake_that_it_goes_back_to(clock, handshake, certificates, certificate):
    """Two connections at once: the one that was resumed does not take over the later verification of the other."""
    context, files = tls.context((str(certificates.ca),)), certificate()
    with handshake(files, context) as channel:
        resumption.keep(context, ADDRESS, channel, None)
    first = resumption.recall(context, ADDRESS)
    clock.ahead = 3600 * 3
    with handshake(files, context, first) as resumed:
        with handshake(files, context) as channel:
            resumption.keep(context, ADDRESS, channel, None)
        assert resumption.recall(context, ADDRESS).until > first.until
        assert resumed.session_reused
        resumption.keep(context, ADDRESS, resumed, first)
    assert resumption.recall(context, ADDRESS).until == first.until
    resumption.forget()


def test_the_certificates_end_reads_as_the_ssl_module_reads_it(handshake, certificate, certificates):
    for days in (1, 5, 40, 100, 200, 300):
        with handshake(certificate(lasts=days * DAY), tls.context((str(certificates.ca),))) as channel:
            assert resumption._end_of_certificate(channel) == ssl.cert_time_to_seconds(channel.getpeercert()["notAfter"])
