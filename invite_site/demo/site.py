"""The site of the demo: made from settings, and made anew where a scenario changes them."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import cast
from wsgiref.types import StartResponse, WSGIEnvironment

from .. import create_app
from ..server import prepare, working
from ..services import Services
from ..settings import Settings
from ..web.current import EXTENSION

WORKER = "demo"  # the same at each start, so that what a kill left is taken up at once


class Site:
    """A WSGI application that hands requests to the site as it is set now. `clock` gives aware UTC."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._changing = threading.Lock()
        self._worker: contextlib.ExitStack | None = None
        self._app = create_app(settings, clock, token_clock=clock)
        prepare(self.services)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._app(environ, start_response)

    @property
    def services(self) -> Services:
        """Those of the site as it is set now."""
        return cast(Services, self._app.extensions[EXTENSION])

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Deliver invitations until the block ends."""
        with self._changing:
            self._start_worker()
        try:
            yield
        finally:
            with self._changing:
                self._stop_worker()

    def change(self, settings: Settings) -> None:
        """Go on with these settings; what the worker has in hand is finished first."""
        with self._changing:
            earlier, was_working = self.services, self._worker is not None
            self._stop_worker()
            self._app = create_app(settings, self._clock, token_clock=self._clock)
            if was_working:
                self._start_worker()
            earlier.close()

    def beat(self) -> None:
        """Say that the worker runs: after a move of the clock its last word lies far back."""
        self.services.heartbeats.beat(WORKER, self._clock())

    def _start_worker(self) -> None:
        self._worker = contextlib.ExitStack()
        self._worker.enter_context(working(self.services, name=WORKER))

    def _stop_worker(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None
