"""The front's TLS contexts."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True)
class TlsOptions:
    """The TLS options of the front. `curve` limits it to one group: a client that guesses another group gets a hello retry (TLS 1.3)."""

    certificate: str
    key: str
    lowest: str = "1.2"
    highest: str = "1.3"
    tickets: bool = True
    curve: str | None = None


class ServerContexts:
    """Provides the context of each connection: a shared one, so that sessions can be resumed, or a new one if resumption is disabled."""

    def __init__(self, options: TlsOptions) -> None:
        self._options = options
        self._shared = self._new()

    def get(self) -> ssl.SSLContext:
        return self._shared if self._options.tickets else self._new()

    def _new(self) -> ssl.SSLContext:
        options = self._options
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = VERSIONS[options.lowest]
        context.maximum_version = VERSIONS[options.highest]
        context.load_cert_chain(options.certificate, options.key)
        if options.curve:
            context.set_ecdh_curve(options.curve)
        if not options.tickets:
            context.num_tickets = 0
            context.options |= ssl.OP_NO_TICKET
        return context
