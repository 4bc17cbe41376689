"""The SMTP server: accepts every mail, and commits it before answering 250."""

import asyncio
import socket
from collections.abc import Awaitable
from typing import Any, AnyStr

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from ..simulation.faults import Fault
from ..tenant import Tenant

_TEXTS = {
    421: "Service not available, closing transmission channel",
    450: "Mailbox busy, try again later",
    451: "Local error, try again later",
    452: "Insufficient storage, try again later",
    550: "No such mailbox",
    552: "Mailbox full",
    554: "Transaction failed",
}


def _refusal(status: int) -> str:
    return f"{status} {_TEXTS.get(status, 'As ordered')}"


class _Conversation(SMTP):
    """aiosmtpd's server, with faults at the greeting."""

    def __init__(self, tenant: Tenant, handler: Any, **parameters: Any) -> None:
        super().__init__(handler, **parameters)
        self._tenant = tenant
        self._greeted = False

    async def push(self, status: AnyStr) -> None:
        if not self._greeted:
            self._greeted = True
            fault = self._tenant.faults.take_smtp("connect")
            if fault is not None:
                await self._misbehave(fault)
                return
        await super().push(status)

    async def _misbehave(self, fault: Fault) -> None:
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            await super().push(f"220 {self.hostname} ready")
            return
        if fault.kind == "status":
            await super().push(_refusal(fault.status))
        if self.transport is not None:
            self.transport.close()


class _Handler:
    """The commands of a conversation; method names are aiosmtpd's."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    async def handle_EHLO(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        # aiosmtpd can, and does not say so.
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        fault = self._tenant.faults.take_smtp("rcpt")
        if fault is not None and (answer := await _answer(fault, server)):
            return answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        fault = self._tenant.faults.take_smtp("data")
        if fault is not None and (answer := await _answer(fault, server)):
            return answer
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        self._tenant.mails.store(envelope.mail_from or "", list(envelope.rcpt_tos), raw)
        fault = self._tenant.faults.take_smtp("after_store")
        if fault is not None and (answer := await _answer(fault, server)):
            return answer
        return "250 OK: stored"


async def _answer(fault: Fault, server: SMTP) -> str | None:
    """The answer of a fault; None after a delay."""
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
        return None
    if fault.kind == "reset":
        # abort() drops the connection at once; the text below is not sent.
        if isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return "421 dropped"
    return _refusal(fault.status)


class SmtpServer(Controller):
    """The server in its own thread, on a bound socket."""

    def __init__(self, tenant: Tenant, bound: socket.socket) -> None:
        self._tenant = tenant
        self._bound = bound
        host, port = bound.getsockname()[:2]
        super().__init__(_Handler(tenant), hostname=host, port=port)

    def factory(self) -> SMTP:
        return _Conversation(self._tenant, self.handler, **self.SMTP_kwargs)

    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self._bound)
