"""Writes a trigger's log lines in a thread, so that the event loop goes on while nobody takes them.

The triggerer takes them through a socket, in the process that also ends tasks in the database. While it ends many, it
takes none, and a line that is written in the loop then holds up every trigger for seconds.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

#: So long (seconds) a wait is held up by a line that nobody takes; the line is still written in its turn.
_WRITTEN_WITHIN = 30.0


async def write(line: Callable[..., Any], *arguments: Any, **more: Any) -> None:
    """Call what writes, and wait until it has, half a minute at most; lines stay in their order.

    :param line: a logger's method, or what calls one.
    :param arguments: for it.
    :param more: for it, by name.
    """
    # The context says which task's log it is.
    call = partial(contextvars.copy_context().run, line, *arguments, **more)
    written = asyncio.get_running_loop().run_in_executor(_thread(), call)
    written.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait({written}, timeout=_WRITTEN_WITHIN)
    if written.done():
        written.result()


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="dataworks-log")
