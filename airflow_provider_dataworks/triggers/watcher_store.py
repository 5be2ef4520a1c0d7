"""Keeps what an event trigger saw last, in the state store of the assets that it is for (Airflow 3.3+)."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.triggers.blocking import within
from airflow_provider_dataworks.triggers.log_thread import write

T = TypeVar("T")

#: How long (seconds) Airflow's answer may take; it takes five the first time.
_ANSWERED_WITHIN = 30.0
#: Seconds to wait before the store is read once more.
_READ_AGAIN_AFTER = (2.0, 10.0)


class WatcherStore:
    """What a trigger recorded; without a store (Airflow 3.0 to 3.2) nothing is kept.

    :param accessors: the trigger's ``asset_state_store``; None where Airflow has none.
    :param key: names what is watched, and for which statuses: watchers of one asset share its store.
    :param log: the trigger's logger.
    """

    def __init__(self, accessors: Any, key: str, log: Any) -> None:
        self._accessors = _of_each_asset(accessors)
        self._key = key
        self._log = log

    async def read(self) -> dict[str, Any] | None:
        """Read the record.

        :return: None if there is none, or the store cannot be read.
        """
        for pause in _READ_AGAIN_AFTER:
            found, error = await self._tried(self._read())
            if error is None:
                return found
            await clock.pause(pause)
        found, error = await self._tried(self._read())
        if error is not None:
            message = "%s: the asset's state store cannot be read, what changed before now gives no event: %s"
            await write(self._log.warning, message, self._key, error)
        return found

    async def write(self, record: Mapping[str, Any]) -> None:
        """Replace the record; a failure costs no more than a repeated event after the next restart.

        :param record: what to keep, as JSON takes it.
        """
        for accessor in self._accessors:
            _, error = await self._tried(accessor.aset(self._key, dict(record)))
            if error is not None:
                await write(self._log.warning, "%s: the asset's state store did not record it: %s", self._key, error)

    async def _tried(self, work: Coroutine[Any, Any, T]) -> tuple[T | None, Exception | None]:
        """What a use of the store gives, or how it failed: a store that fails must not end the watch."""
        try:
            return await within(_ANSWERED_WITHIN, work, "The asset's state store"), None
        except Exception as error:  # noqa: BLE001 - see above
            return None, error

    async def _read(self) -> dict[str, Any] | None:
        for accessor in self._accessors:
            record = await accessor.aget(self._key)
            if isinstance(record, dict):
                return record
        return None


def _of_each_asset(accessors: Any) -> list[Any]:
    """The accessor of each asset: assets with equal triggers share one, which then has to name them."""
    if accessors is None:
        return []
    # Airflow tells a trigger its assets by these names alone.
    named = [*getattr(accessors, "_by_name", {}).values(), *getattr(accessors, "_by_uri", {}).values()]
    return named or [accessors]
