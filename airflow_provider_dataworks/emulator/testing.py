"""The emulator in a Python process, for demos and tests of DAGs: :func:`running_emulator`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks.emulator.control.client import EmulatorControl

if TYPE_CHECKING:
    from airflow_provider_dataworks.emulator.emulator import Emulator


@contextlib.contextmanager
def running_emulator(*, host: str = "127.0.0.1", port: int = 0, **options: Any) -> Iterator[EmulatorControl]:
    """
    Run an emulator in a thread of its own for the time of a ``with`` block.

    :param host: address to listen on; default ``127.0.0.1``.
    :param port: port to listen on; 0 (default) takes a free one.
    :param options: settings to begin with, those of :class:`airflow_provider_dataworks.emulator.settings.Settings`,
        for example ``run_seconds=0.2``.
    :return: what sees and steers it.
    :raises ModuleNotFoundError: the extra ``emulator`` is not installed.
    :raises ValueError: an option has a value that cannot be used.
    :raises OSError: the address cannot be listened on.
    """
    from airflow_provider_dataworks.emulator.cli import require_extra

    require_extra()
    from airflow_provider_dataworks.emulator.emulator import Emulator
    from airflow_provider_dataworks.emulator.settings import Settings

    with serve(Emulator(Settings(**options)), host=host, port=port) as control:
        yield control


@contextlib.contextmanager
def serve(
    emulator: Emulator, *, host: str = "127.0.0.1", port: int = 0, allowed_hosts: Collection[str] = ()
) -> Iterator[EmulatorControl]:
    """
    Serve an emulator, for example one with kinds of resources or actions of your own, for the time of a ``with`` block.

    :param emulator: the emulator.
    :param host: address to listen on; default ``127.0.0.1``.
    :param port: port to listen on; 0 (default) takes a free one.
    :param allowed_hosts: further host names that requests may be for; default none.
    :return: its control.
    :raises OSError: the address cannot be listened on.
    """
    from airflow_provider_dataworks.emulator.http.server import Server

    server = Server(emulator, host, port, allowed_hosts)
    thread = threading.Thread(target=server.run, name="dataworks-emulator", daemon=True)
    thread.start()
    try:
        server.wait_until_ready()
        yield EmulatorControl(server.url)
    finally:
        server.stop()
        thread.join()
