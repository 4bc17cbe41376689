"""A relay that makes a mail server as far away as the network would."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

CHUNK = 65_536


@contextlib.contextmanager
def smtp_relay(port: int, round_trip: float) -> Iterator[int]:
    """The port of a relay to that port of this machine, which holds back every octet for half of
    `round_trip` seconds, each way; to connect takes a whole one."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        asyncio.start_server(lambda *streams: _serve(port, round_trip, *streams), "127.0.0.1", 0)
    )
    thread = threading.Thread(target=loop.run_forever, name="smtp-relay", daemon=True)
    thread.start()
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _serve(
    port: int,
    round_trip: float,
    from_client: asyncio.StreamReader,
    to_client: asyncio.StreamWriter,
) -> None:
    await asyncio.sleep(round_trip)
    from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(
        _carry(from_client, to_server, round_trip / 2),
        _carry(from_server, to_client, round_trip / 2),
    )


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, late: float) -> None:
    """Octets in their order; those that come while others are held back are not held up by them."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ConnectionError):
        while octets := await source.read(CHUNK):
            loop.call_later(late, target.write, octets)
    loop.call_later(late, target.close)
