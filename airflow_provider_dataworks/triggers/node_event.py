"""The event trigger for nodes: an asset event each time an instance of a node's own schedule has succeeded."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.bizdates import day_before
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.triggers.event import Change, EventTrigger, State
from airflow_provider_dataworks.waiting.node_schedule import NodeScheduleTarget
from airflow_provider_dataworks.waiting.target import StatusSnapshot, WaitState, WaitTarget

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

#: Business dates whose instances are watched: yesterday's, which run today, and those before it, for what is late.
WATCHED_DATES = 3


class NodeInstanceEventTrigger(EventTrigger):
    """Fires an asset event each time a scheduled instance of a node has succeeded, for an AssetWatcher (Airflow 3; API
    pages: ListInstances, ListTaskInstances).

    The trigger watches the last three business dates in the workspace's time zone. Instances that have succeeded before
    the watch starts are not events. An instance that is run again counts again. Each hour of an hourly node is an
    event. Runs that RunNodeOperator or a person starts do not count.

    The payload: ``node_id``, ``node_name``, ``instance_id``, ``bizdate`` (``YYYY-MM-DD``), ``status``, ``region_id``,
    ``project_id``, ``observed_at`` (ISO 8601, UTC).

    :param node_id: the node's id in Operation Center, or its digits.
    :param project_id: workspace id; None (default) for the connection's.
    :param project_env: ``PROD`` (default) or ``DEV``.
    :param poll_interval: seconds between two polls; default 60. Each poll reads all three business dates.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :raises DataWorksParameterError: an argument is invalid.
    :raises DataWorksError: this Airflow has no event triggers.
    """

    #: So long (seconds) after midnight at the latest the next business date is watched.
    found_for: ClassVar[float | None] = 300.0

    def __init__(
        self,
        *,
        node_id: int | str,
        project_id: int | str | None = None,
        project_env: str = "PROD",
        poll_interval: float = 60.0,
        dataworks_conn_id: str = "dataworks_default",
        region_id: str | None = None,
    ) -> None:
        super().__init__(
            project_id=project_id,
            poll_interval=poll_interval,
            dataworks_conn_id=dataworks_conn_id,
            region_id=region_id,
        )
        self.node_id = arguments.identifier("node_id", node_id)
        self.project_env = arguments.project_environment(project_env)
        self._is_there = False
        self._dates: tuple[str, ...] = ()

    def own_arguments(self) -> dict[str, Any]:
        return {"node_id": self.node_id, "project_env": self.project_env}

    @property
    def store_key(self) -> str:
        return f"node_{self.node_id}_{self.project_env}"

    def find(self, hook: DataWorksHook, project_id: int) -> list[WaitTarget]:
        if not self._is_there:
            # Of a node that does not exist the lists show no more than of one that has not run yet.
            hook.read_node(node_id=self.node_id, project_id=project_id, project_env=self.project_env)
            self._is_there = True
        now = datetime.fromtimestamp(clock.time(), timezone.utc)
        moments = (now - timedelta(days=days) for days in range(WATCHED_DATES))
        self._dates = tuple(day_before(moment, hook.settings.time_zone) for moment in moments)
        return [NodeScheduleTarget(project_id, self.node_id, date, self.project_env) for date in self._dates]

    def change(self, before: State | None, target: WaitTarget, snapshot: StatusSnapshot) -> Change:
        date = self._date_of(target)
        # What was found at the beginning is no event; the dates that begin later are watched from their beginning on.
        since = max(self._dates) if before is None else str(before.get("since"))
        known = {} if before is None else dict(before.get("succeeded") or {})
        succeeded = _succeeded(snapshot)
        is_first = date not in known and date <= since
        new = [] if is_first else sorted(set(succeeded) - set(known.get(date, ())))
        kept = {one: ids for one, ids in {**known, date: sorted(succeeded)}.items() if one in self._dates}
        return Change(
            {"since": since, "succeeded": kept},
            [
                {
                    "node_id": self.node_id,
                    "node_name": snapshot.name,
                    "instance_id": instance_id,
                    "bizdate": date,
                    "status": succeeded[instance_id],
                }
                for instance_id in new
            ],
        )

    def may_have_changed(self, before: State, target: WaitTarget, snapshot: StatusSnapshot) -> bool:
        known = dict(before.get("succeeded") or {}).get(self._date_of(target))
        return known is None or sorted(_succeeded(snapshot)) != known

    def _date_of(self, target: WaitTarget) -> str:
        assert isinstance(target, NodeScheduleTarget)  # noqa: S101 - it is what this trigger has found
        return target.bizdate


def _succeeded(snapshot: StatusSnapshot) -> dict[int, str]:
    """The statuses of the instances that have succeeded, by id."""
    states = snapshot.started or ()
    return {instance_id: status for instance_id, status, state in states if state == WaitState.SUCCEEDED.value}
