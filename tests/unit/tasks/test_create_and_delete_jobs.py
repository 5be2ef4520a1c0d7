"""CreateDIJobOperator and DeleteDIJobOperator, in both API versions: one job whatever is lost, gone is gone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksParameterError, DataWorksPermanentError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.links.dataworks import LINK_KEY
from airflow_provider_dataworks.operators.data_integration import CreateDIJobOperator, DeleteDIJobOperator
from tests.support.tasks import StateStore, make_context, run_task

SETTINGS = {"ResourceSettings": {"RealtimeResourceSettings": {"ResourceGroupIdentifier": "rg-1"}}, "Description": "ü"}


@pytest.fixture(params=["2020-05-18", "2024-05-18"], autouse=True)
def version(request: pytest.FixtureRequest, emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> str:
    """The API version that the connection names."""
    connection = dict(emulator.connection)
    connection["extra"] = {**connection["extra"], "max_qps": 0, "max_attempts": 3, "api_version": request.param}
    monkeypatch.setenv("AIRFLOW_CONN_DATAWORKS_DEFAULT", json.dumps(connection))
    monkeypatch.setattr("airflow_provider_dataworks.client.retry.backoff", lambda *_: 0.0)
    return str(request.param)


def create(**given: Any) -> CreateDIJobOperator:
    return CreateDIJobOperator(
        **{
            "task_id": "create",
            "job_name": "orders_copy",
            "migration_type": "Full",
            "source_data_source_type": "MySQL",
            "destination_data_source_type": "Hologres",
            "settings": SETTINGS,
            **given,
        }
    )


def named(emulator: EmulatorControl) -> list[dict[str, Any]]:
    return [job for job in emulator.jobs() if job["JobName"] == "orders_copy"]


def test_the_job_is_created_with_its_settings_and_not_started(emulator: EmulatorControl) -> None:
    context = make_context()

    job_id = run_task(create(), context)

    (job,) = named(emulator)
    assert (job["DIJobId"], job["JobStatus"], job["starts"]) == (job_id, "Initialized", 0)
    assert "defaultProjectId=10000" in context["pushed"][LINK_KEY]
    assert DataWorksHook().get_di_job(di_job_id=job_id, with_details=True)["Description"] == "ü"


def test_settings_may_be_json(emulator: EmulatorControl) -> None:
    run_task(create(settings=json.dumps(SETTINGS)))

    assert len(named(emulator)) == 1


def test_a_lost_answer_makes_one_job(emulator: EmulatorControl) -> None:
    emulator.add_fault("reset", action="CreateDIJob", effect="after")

    job_id = run_task(create())

    assert [job["DIJobId"] for job in named(emulator)] == [job_id]


def test_a_retry_after_a_kill_takes_the_job_that_was_created(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    store, original = StateStore(), DataWorksHook.create_di_job

    def create_and_die(self: DataWorksHook, **given: Any) -> int:
        original(self, **given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(DataWorksHook, "create_di_job", create_and_die)
        with pytest.raises(Killed):
            run_task(create(), make_context(store=store, max_tries=2))

    job_id = run_task(create(), make_context(store=store, try_number=2, max_tries=2))

    assert [job["DIJobId"] for job in named(emulator)] == [job_id]


def test_a_job_of_that_name_from_elsewhere_is_not_taken(emulator: EmulatorControl, version: str) -> None:
    emulator.add_job(JobName="orders_copy")
    store = StateStore()

    if version == "2020-05-18":
        # The page of this version does not say that names are unique.
        run_task(create(), make_context(store=store))
        assert len(named(emulator)) == 2
    else:
        with pytest.raises(DataWorksPermanentError):
            run_task(create(), make_context(store=store))


def test_a_job_is_deleted_and_a_job_that_is_gone_is_success(emulator: EmulatorControl) -> None:
    job_id = run_task(create())

    assert run_task(DeleteDIJobOperator(task_id="delete", di_job_id=job_id)) == job_id
    assert named(emulator) == []
    assert run_task(DeleteDIJobOperator(task_id="delete", di_job_id=job_id)) == job_id


def test_mistakes_surface_at_construction() -> None:
    for given in ({"job_name": ""}, {"settings": "[1]"}, {"migration_type": None}):
        with pytest.raises(DataWorksParameterError):
            create(**given)
    with pytest.raises(DataWorksParameterError):
        DeleteDIJobOperator(task_id="delete", di_job_id="x")
