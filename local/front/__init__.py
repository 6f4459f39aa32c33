"""An Amazon RDS endpoint on this machine: MySQL's protocol, TLS for an RDS-like name, and sign-in with an IAM token, before a real server.

    with start(server, users={"app": "its password on the server"}, credentials=Credentials("AKIA...", "secret")) as front:
        with names.resolved(front.host):
            ...                              # connect to front.host, front.port with TLS, trusting front.ca_file
        front.connections()[-1].round_trips

It counts round trips and commands per connection (records.py explains how), and tests can set faults (faults.py).
"""

from __future__ import annotations

from .client import Count, Front, FrontError, start
from .faults import Accept, Close, Command, CutAnswer, Delay, Error, LoseAnswer, SignIn, Silence
from .iam import Credentials
from .proxy import Proxy
from .records import Connection

__all__ = [
    "Accept",
    "Close",
    "Command",
    "Connection",
    "Count",
    "Credentials",
    "CutAnswer",
    "Delay",
    "Error",
    "Front",
    "FrontError",
    "LoseAnswer",
    "Proxy",
    "SignIn",
    "Silence",
    "start",
]
