"""The steps "dns", "tcp" and "greeting": from the endpoint's name to the first words of the server."""

from __future__ import annotations

import ipaddress
import os
import socket

from mysql.connector.constants import ClientFlag
from mysql.connector.errors import Error

from .._aws import diagnosis
from .._aws.endpoints import region_of
from .._bounded_calls import in_time
from .._driver.error_numbers import TOO_MANY
from .._driver.packets import PacketStream
from .._driver.sign_in import NoGreetingError, UnverifiedAnswerError, receive_greeting
from .._driver.transport import NameTimeoutError, connect, look_up
from ..deadlines import Limit
from ..errors import TooManyConnectionsError
from .advice import security_group
from .limits import WHO
from .patient import Patient
from .step import FAILED, OK, WARNING, Finding


def dns(patient: Patient) -> Finding:
    """Look the endpoint's name up."""
    settings, limit = patient.settings, patient.limit()
    try:
        found = look_up(settings.host, settings.port, socket.AF_UNSPEC, limit)
    except Error as error:
        explained = diagnosis.explain(error, settings, None, limit)
        return Finding(FAILED, str(error.msg), cause=explained.msg, fix=_name_fix(error, settings.host))
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    # Of IPv6, a VPC's own addresses are public ones too.
    private = not any(ip.version == 4 and ip.is_global for ip in (ipaddress.ip_address(one.partition("%")[0]) for one in addresses))
    names = _names(settings.host, limit)
    facts = {"addresses": addresses, "private": private, "canonical": names[-1] if names else None, "names": names}
    text = f"{settings.host} has {'the address' if len(addresses) == 1 else 'the addresses'} {', '.join(addresses)}"
    # The first one: a cluster's endpoint is itself an alias of an instance's, which is another one after a failover.
    endpoint = next((name for name in names if region_of(name)), None)
    if endpoint is not None and region_of(settings.own_name) is None:
        return Finding(
            WARNING,
            text,
            facts,
            cause=f"{settings.host} is an alias of {endpoint}, and the token and the certificate are for the latter",
            fix=[f"RDSPOOL_ENDPOINT={endpoint}"],
        )
    if settings.endpoint is not None and endpoint is not None and settings.own_name not in names:
        return Finding(
            WARNING,
            text,
            facts,
            cause=f"{settings.host} is an alias of {endpoint}, and not of {settings.own_name}, which RDSPOOL_ENDPOINT says",
            fix=[f"RDSPOOL_ENDPOINT={endpoint}"],
        )
    if not private and os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        return Finding(
            WARNING,
            text,
            facts,
            cause="The addresses are public: the function is not in the database's VPC, or the VPC does not resolve the name to the private address",
            fix=["Attach the function to the database's VPC, and turn on enableDnsSupport and enableDnsHostnames of the VPC"],
        )
    return Finding(OK, text, facts)


def _name_fix(error: Error, host: str) -> list[str]:
    if isinstance(error, NameTimeoutError):
        return [
            "aws ec2 modify-vpc-attribute --vpc-id VPC --enable-dns-support",
            "Let the network ACLs of the function's subnets pass UDP and TCP on port 53 to the VPC's name server, and the answers back",
        ]
    return [
        (
            f"Correct RDSPOOL_HOST ({host}) by the endpoint that this prints: aws rds describe-db-instances --query 'DBInstances[].Endpoint.Address' "
            "(describe-db-clusters, describe-db-proxies)"
        )
    ]


def _names(host: str, limit: Limit) -> list[str]:
    """Return the names on the way from the host to its addresses: itself, what it is an alias of, and so on. None where nobody says."""
    try:
        # The only call of the standard library that gives the names between the first and the last.
        found = in_time(lambda: socket.gethostbyname_ex(host), limit)
    except OSError:  # it has no IPv4 address, say
        return []
    return [] if found is None else list(dict.fromkeys(name.lower().removesuffix(".") for name in (host, *found[1], found[0])))


def tcp(patient: Patient) -> Finding:
    """Connect to the first address that answers."""
    settings, limit = patient.settings, patient.limit()
    try:
        opened = connect(settings.host, settings.port, limit)
    except Error as error:
        explained = diagnosis.explain(error, settings, None, limit)
        refused = isinstance(error.__cause__, ConnectionRefusedError)
        fix = [
            f"Correct RDSPOOL_PORT ({settings.port}), or start the database: an address that refuses has nothing that listens on this port"
        ]
        return Finding(FAILED, str(error.msg), cause=explained.msg, fix=fix if refused else security_group(settings))
    patient.stream = PacketStream(opened, settings.host, settings.port)
    address, port = patient.stream.ends
    return Finding(OK, f"{address}:{settings.port} takes connections", {"address": address, "port": settings.port, "from_port": port})


def greeting(patient: Patient) -> Finding:
    """Wait for the first words of the server. They come before TLS, so that nobody has verified them."""
    settings, limit = patient.settings, patient.limit()
    stream = patient.stream
    assert stream is not None
    try:
        stream.waiting.limit(limit)
        patient.greeting = receive_greeting(stream)
    except Error as error:
        explained = diagnosis.explain(error, settings, None, limit)
        if isinstance(explained, TooManyConnectionsError):
            fix = too_many()
        elif isinstance(error, NoGreetingError):
            fix = [
                f"Check that RDSPOOL_HOST and RDSPOOL_PORT ({settings.port}) are a MySQL endpoint; look at the database's CPUUtilization"
            ]
        elif isinstance(error, UnverifiedAnswerError) and error.number == 1129:
            fix = ["As an administrator: TRUNCATE TABLE performance_schema.host_cache; and raise max_connect_errors"]
        else:
            fix = [
                "Check that RDSPOOL_HOST and RDSPOOL_PORT are the endpoint's: aws rds describe-db-instances --query 'DBInstances[].Endpoint'"
            ]
        return Finding(FAILED, str(error.msg), cause=explained.msg, fix=fix)
    said = patient.greeting
    version = said.version.removeprefix("5.5.5-")
    facts = {
        "version": version,
        "server": "MariaDB" if patient.mariadb else "MySQL",
        "connection_id": said.connection_id,
        "plugin": said.plugin,
        "tls": bool(said.capabilities & ClientFlag.SSL),
    }
    return Finding(OK, f"{facts['server']} {version} greets", facts)


def too_many() -> list[str]:
    """Return what to do where the server takes no more connections."""
    return [
        f"As an administrator, for whom the server keeps a connection free, see who holds them: {WHO}",
        "Set the function's reserved concurrency below max_connections, or RDSPOOL_CONNECTIONS=yield; `python -m rdspool size` computes both",
        f"The numbers of such refusals are {', '.join(map(str, sorted(TOO_MANY)))}; 1203 and 1226 are the user's own limit: SHOW CREATE USER",
    ]
