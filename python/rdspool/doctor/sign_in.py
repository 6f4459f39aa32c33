"""The step "sign-in": the login, and where it is refused, which of the causes it can be.

A server gives one error, 1045, for all of them. What tells them apart: the plugin that the server asks for, the answer of STS to the same
credentials, and the clock.
"""

from __future__ import annotations

from typing import Any, Final

from mysql.connector.errors import Error

from .._aws import diagnosis
from .._aws.endpoints import is_proxy
from .._aws.token import TOKEN_LIFETIME
from .._driver.command_phase import CommandPhase
from .._driver.connection import Connection
from .._driver.error_numbers import ACCESS_DENIED
from .._driver.packets import PacketStream
from .._driver.sign_in import CLEAR_PASSWORD, receive_greeting, sign_in
from .._driver.transport import connect
from .._login import login, session_start
from ..deadlines import Limit
from ..errors import TooManyConnectionsError
from ..secret import EmptiedFrames
from . import advice, identity
from .network import too_many
from .patient import CONNECT, Patient
from .step import FAILED, OK, Finding

AHEAD: Final = 5 * 60
"""Seconds by which AWS lets a signature be from the future (AWS General Reference, Signature Version 4)."""
PROGRAM: Final = "rdspool doctor"
_AUTH_SWITCH: Final = 0xFE


class Observed(PacketStream):
    """A stream of packets that notes which sign-in plugins the server asks for."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.plugins: list[str] = []

    def receive(self, timeout: float | None = None) -> bytes:
        """Return the next packet's payload."""
        payload = super().receive(timeout)
        if self.signing_in and payload[:1] == bytes([_AUTH_SWITCH]):
            self.plugins.append(payload[1:].partition(b"\0")[0][:64].decode("ascii", "replace"))
        return payload


def look(patient: Patient) -> Finding:
    """Sign in without a default database, and set the session up. The next steps use this connection."""
    settings, limit = patient.settings, patient.limit()
    start = session_start(settings)
    # The step "database" looks at the database.
    given = login(settings, start, patient.secret, patient.context, {"program_name": PROGRAM}, token=not patient.gives_password)
    given.database = None
    stream: Observed | None = None
    try:
        stream = Observed(connect(settings.host, settings.port, limit), settings.host, settings.port)
        stream.waiting.limit(limit)
        greeting = receive_greeting(stream)
        accepted = sign_in(stream, greeting, given)
        made = Connection(CommandPhase(stream, accepted.status), settings.user, greeting.version, greeting.connection_id, start)
        made.session.set_up()
    except Error as error:
        plugins = [] if stream is None else stream.plugins
        if stream is not None:
            stream.close()
        return _refused(patient, error, plugins, limit)
    stream.waiting.limit(None)
    made.read_timeout = made.write_timeout = CONNECT
    patient.connection = made
    with made.cursor() as cursor:
        cursor.execute("SELECT CURRENT_USER(), USER()")
        current, came_as = cursor.fetchone()
    how = "a password" if patient.gives_password else "a token"
    return Finding(
        OK,
        f"{current} signed in with {how}, connection {made.connection_id}",
        {
            "account": current,
            "came_as": came_as,
            "connection_id": made.connection_id,
            "how": how,
            **_access(patient),
        },
    )


def _access(patient: Patient) -> dict[str, Any]:
    """Return what the sign-in of this user rests on, where it is one of IAM."""
    identity.learn(patient, wait=False)
    if patient.gives_password:
        return {}
    return {"policy": advice.policy(patient), "create_user": advice.create_user(patient.settings)}


def _refused(patient: Patient, error: Error, plugins: list[str], limit: Limit) -> Finding:
    settings = patient.settings
    with EmptiedFrames():
        explained = diagnosis.explain(error, settings, patient.secret, limit)
    facts: dict[str, Any] = {"error": error.errno, "said": str(error.msg), "plugins_asked_for": plugins}
    if isinstance(explained, TooManyConnectionsError):
        return Finding(FAILED, str(error.msg), facts, cause=explained.msg, fix=too_many())
    if error.errno != ACCESS_DENIED:
        return Finding(FAILED, str(error.msg), facts, cause=explained.msg, fix=["Do what the cause says, and run the doctor again"])
    if patient.gives_password:
        return Finding(FAILED, str(error.msg), facts, cause=explained.msg, fix=_password_fix(patient))
    identity.learn(patient, wait=True)
    facts |= _access(patient)
    cause, fix = _why(patient, plugins, str(explained.msg))
    return Finding(FAILED, str(error.msg), facts, cause=cause, fix=fix)


def _password_fix(patient: Patient) -> list[str]:
    settings = patient.settings
    user = advice.quoted(settings.user)
    region = f" --region {settings.region}" if settings.region else ""
    correct = "Correct RDSPOOL_PASSWORD"
    if settings.secret:
        correct = f"See whether it is being rotated (AWSPENDING): aws secretsmanager describe-secret --secret-id {settings.secret}{region}"
    elif settings.password_parameter:
        correct = f"Correct the parameter {settings.password_parameter}"
    return [
        f"{correct}, or set the user's: ALTER USER {user}@'%' IDENTIFIED BY ...;",
        f"See whether the user exists, and from where it may come: SELECT user, host, plugin FROM mysql.user WHERE user = {user};",  # noqa: S608 - shown only
    ]


def _why(patient: Patient, plugins: list[str], explained: str) -> tuple[str, list[str]]:
    """Return the likely cause of a token's refusal, and the fix."""
    settings = patient.settings
    if patient.gives_token:
        return explained, ["Leave RDSPOOL_PASSWORD out, so that rdspool signs a token when it needs one"]
    if patient.skew is not None and not -TOKEN_LIFETIME < patient.skew < AHEAD:
        return (
            (
                f"The clock here is {abs(patient.skew):.0f} s {'ahead of' if patient.skew > 0 else 'behind'} that of AWS, so that the token was "
                f"{'from the future' if patient.skew > 0 else 'over'} when the server got it"
            ),
            ["Correct the clock here, for example with: chronyc makestep"],
        )
    if patient.refused is not None:
        return f"AWS refuses the credentials that signed the token ({patient.refused})", ["Do what the step 'principal' says"]
    asked = [plugin for plugin in plugins if plugin != CLEAR_PASSWORD]
    if asked:
        create = advice.create_user(settings)["MariaDB" if patient.mariadb else "MySQL"]
        return (
            (
                f"The server asked for the plugin {asked[0]}, and not for a token: {settings.user!r} does not exist there, may not come from this "
                "address, or was not created with AWSAuthenticationPlugin"
            ),
            [
                create,
                f"Or, for a user that exists: {create.replace('CREATE', 'ALTER', 1)}",
                advice.grant(settings),
            ],
        )
    known = "" if patient.principal is None else f" of {patient.principal}"
    secret = ", or the proxy has no secret of this user" if is_proxy(settings.own_name) else ""
    return (
        (
            f"The server took the token to AWS for its check, so the user is one of IAM, and AWS said no: a policy{known} does not allow "
            f"rds-db:connect as {settings.user!r}, or IAM authentication is off{secret}, or {settings.own_name!r} is not the endpoint's own name, for the token "
            "is signed for it, the port and the region"
        ),
        [
            advice.put_policy(patient),
            advice.resource_id(settings),
            advice.enable_iam(settings),
            *([] if patient.skew is not None else ["See that the clock here is right: nothing was in reach to compare it with"]),
        ],
    )
