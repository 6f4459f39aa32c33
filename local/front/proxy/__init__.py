"""RDS Proxy on this machine: many clients share a few server connections, as `local.front.start(..., proxy=Proxy(connections=10))` asks.

A client has a server connection from the beginning of a transaction to its end. What it has changed by then either is tracked, and set again
on the next server connection that it gets, or pins it: the client keeps its server connection until it disconnects. `pins.py` has AWS's rules.
A front's `connections()` show the reasons (`pins`) and the server connections that a client has had (`server_connections`), and its `proxy()`
the number of server connections.
"""

from __future__ import annotations

from .options import Proxy

__all__ = ["Proxy"]
