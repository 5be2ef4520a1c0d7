"""The event trigger for DI jobs: an asset event each time a job enters one of some statuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.runs import normal_status
from airflow_provider_dataworks.exceptions import DataWorksParameterError
from airflow_provider_dataworks.triggers.event import Change, EventTrigger, State
from airflow_provider_dataworks.waiting.di_job import DIJobTarget
from airflow_provider_dataworks.waiting.target import StatusSnapshot, WaitTarget

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook


class DIJobStatusEventTrigger(EventTrigger):
    """Fires an asset event each time a DI job enters one of ``statuses``, for an AssetWatcher (Airflow 3; API pages:
    ListDIJobs, GetDIJob).

    The status at the start of the watch is not an event. A status counts each time that the job enters it. With API
    version 2020-05-18, a run that starts and ends between two polls is an event too, because the job's StartedTime has
    changed; it may be noticed up to five minutes later. With 2024-05-18 such a run is missed: choose a
    ``poll_interval`` that is shorter than the job's runs.

    The payload: ``di_job_id``, ``job_name``, ``status``, ``previous_status``, ``region_id``, ``project_id``,
    ``observed_at`` (ISO 8601, UTC).

    :param di_job_id: the job's id, or its digits; default None.
    :param job_name: the job's exact name; default None. One of the two is required. If the job is deleted, the name is
        looked up again.
    :param project_id: workspace id; None (default) for the connection's.
    :param statuses: the statuses that are events; default Finished.
    :param poll_interval: seconds between two polls; default 60.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :raises DataWorksParameterError: an argument is invalid.
    :raises DataWorksError: this Airflow has no event triggers.
    """

    def __init__(
        self,
        *,
        di_job_id: int | str | None = None,
        job_name: str | None = None,
        project_id: int | str | None = None,
        statuses: Sequence[str] = ("Finished",),
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
        self.di_job_id = arguments.optional_identifier("di_job_id", di_job_id)
        self.job_name = arguments.optional_text("job_name", job_name)
        self.statuses = arguments.statuses("statuses", statuses)
        if self.di_job_id is None and self.job_name is None:
            raise DataWorksParameterError("di_job_id", "give di_job_id or job_name, or both")

    def own_arguments(self) -> dict[str, Any]:
        # A list: a tuple would not come back from Airflow's database as one, and two triggers would be taken for four.
        return {"di_job_id": self.di_job_id, "job_name": self.job_name, "statuses": list(self.statuses)}

    @property
    def store_key(self) -> str:
        return f"di_job_{self.di_job_id or self.job_name}_{'+'.join(sorted(self.statuses))}"

    def find(self, hook: DataWorksHook, project_id: int) -> list[WaitTarget]:
        di_job_id = self.di_job_id
        if di_job_id is None or self.job_name is not None:
            job = hook.find_di_job(project_id=project_id, di_job_id=di_job_id, job_name=self.job_name)
            di_job_id = job["DIJobId"]
        return [DIJobTarget(project_id, di_job_id, self.statuses)]

    def change(self, before: State | None, target: WaitTarget, snapshot: StatusSnapshot) -> Change:
        now = {"di_job_id": target.id, "status": normal_status(snapshot.status), "started": snapshot.started}
        if before is None or before.get("di_job_id") != target.id:
            return Change(now)
        previous, started = before.get("status"), before.get("started")
        is_another_run = None not in (started, now["started"]) and started != now["started"]
        if now["status"] not in self.statuses or (now["status"] == previous and not is_another_run):
            return Change(now)
        event = {
            "di_job_id": target.id,
            "job_name": snapshot.name,
            "status": now["status"],
            "previous_status": previous,
        }
        return Change(now, [event])

    def may_have_changed(self, before: State, target: WaitTarget, snapshot: StatusSnapshot) -> bool:
        # A list gives no StartedTime.
        return before.get("status") != normal_status(snapshot.status)

    def may_change_unseen(self, snapshot: StatusSnapshot) -> bool:
        return snapshot.started is not None and normal_status(snapshot.status) in self.statuses
