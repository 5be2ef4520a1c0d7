"""Runs blocking calls in threads of their own, each waited for only so long.

No pool: a call that hangs would keep a place in it, and the process would wait for it when it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from airflow_provider_dataworks.exceptions import DataWorksTransientError

T = TypeVar("T")


class CallTimedOut(DataWorksTransientError):
    """A call did not end within its time limit; its thread may go on."""


def start_call(function: Callable[[], T]) -> asyncio.Future[T]:
    """Begin a blocking call in a thread of its own, in the caller's context.

    :param function: what to call.
    :return: its result or error; cancelling it does not end the call.
    :raises RuntimeError: no thread can be started.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    # An error that nobody waits for any more is nothing to report.
    future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def settle(result: Any, error: Exception | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def work() -> None:
        result: Any = None
        failed: Exception | None = None
        try:
            result = function()
        except StopIteration as error:
            # A future takes none.
            failed = RuntimeError(f"StopIteration: {error}")
        except Exception as error:  # noqa: BLE001 - it is raised where the call is waited for
            failed = error
        except BaseException as error:  # noqa: BLE001 - it would end the event loop
            failed = RuntimeError(f"{type(error).__name__}: {error}")
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits.
            loop.call_soon_threadsafe(settle, result, failed)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name="dataworks-call", daemon=True).start()
    return future


async def wait_for_call(future: asyncio.Future[T], seconds: float, what: str) -> T:
    """Wait for a call that was begun.

    :param future: what :func:`start_call` gave.
    :param seconds: how long at most.
    :param what: what is called, for the error.
    :return: the call's result.
    :raises CallTimedOut: the time is over.
    """
    await asyncio.wait({future}, timeout=seconds)
    if future.done():
        return future.result()
    raise CallTimedOut(f"{what} did not end within {seconds:g} s")


async def call(function: Callable[[], T], *, seconds: float, what: str) -> T:
    """Make a blocking call in a thread of its own.

    :param function: what to call.
    :param seconds: how long to wait for it at most.
    :param what: what is called, for the error.
    :return: the call's result.
    :raises CallTimedOut: the time is over.
    """
    return await wait_for_call(start_call(function), seconds, what)


async def within(seconds: float, work: Coroutine[Any, Any, T], what: str) -> T:
    """Wait for a coroutine, and cancel it when the time is over.

    :param seconds: how long at most.
    :param work: the coroutine.
    :param what: what it does, for the error.
    :return: its result.
    :raises CallTimedOut: the time is over.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
        raise CallTimedOut(f"{what} did not end within {seconds:g} s")
    finally:
        task.cancel()
