"""A kind of resource and its actions are declarations: dispatcher, state, control endpoint and client need no edit."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.actions import action_table
from airflow_provider_dataworks.emulator.backend.clock import monotonic
from airflow_provider_dataworks.emulator.backend.resource import Field, ResourceKind, identifier, string
from airflow_provider_dataworks.emulator.backend.resources import resource_kinds
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.backend.timeline import Timeline
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.emulator import Emulator
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import Action, ActionResult, ActionTable
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, integer
from airflow_provider_dataworks.emulator.settings import Settings, optional, seconds
from airflow_provider_dataworks.emulator.testing import serve

from .conftest import Caller

OLD, NEW = "2020-05-18", "2024-05-18"


@dataclasses.dataclass
class Report:
    """Something that is ready some time after it was ordered."""

    report_id: int
    project_id: int
    title: str = ""
    status: str = "Ordered"
    ready_seconds: float | None = None
    orders: int = 0
    timeline: Timeline = dataclasses.field(default_factory=Timeline, repr=False)

    def advance(self, now: float) -> None:
        self.timeline.apply(self, now)


REPORTS: ResourceKind[Report] = ResourceKind(
    name="report",
    path="reports",
    model=Report,
    id_attribute="report_id",
    first_new_id=500,
    fields=(
        Field("ReportId", "report_id", identifier),
        Field("ProjectId", "project_id", identifier),
        Field("Title", "title", string),
        Field("Status", "status", string, moves=True),
        Field("ready_seconds", "ready_seconds", optional(seconds)),
        Field("orders", "orders"),
    ),
    defaults=lambda report_id: {"title": f"report {report_id}"},
    initial=lambda settings: [Report(1, settings.project_id, "first", "Ready")],
)


def order_report(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    report = Report(state[REPORTS].new_id(), given["ProjectId"], given["Title"], orders=1)
    report.timeline.schedule(monotonic() + state.settings.run_seconds, status="Ready")
    state[REPORTS].add(report)
    return ActionResult({"ReportId": report.report_id}, changed=True)


def get_report(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    report = state[REPORTS].find(given["Id"])
    if report is None:
        raise ApiRefusal(404, "InvalidReport.NotFound", "There is no such report.")
    return ActionResult({"Id": report.report_id, "Status": report.status})


REPORT_ACTIONS = (
    Action(
        "OrderReport",
        (
            Parameter("ProjectId", "query", integer(), required=True),
            Parameter("Title", "form", str, required=True),
        ),
        order_report,
    ),
    Action("GetReport", (Parameter("Id", "query", integer(), required=True),), get_report, version=NEW, method="GET"),
)


@pytest.fixture
def reporting() -> Iterator[EmulatorControl]:
    """Return an emulator that knows reports too."""
    emulator = Emulator(
        Settings(run_seconds=0.3),
        kinds=(*resource_kinds(), REPORTS),
        actions=ActionTable([*action_table(), *REPORT_ACTIONS]),
    )
    with serve(emulator) as control:
        yield control


def order(caller: Caller, title: str = "ü") -> int:
    reply = caller("OrderReport", query={"ProjectId": "10000"}, form={"Title": title})
    assert reply.status == 200, reply.body
    return int(reply.json["ReportId"])


def get(caller: Caller, report_id: int, **options: Any) -> Any:
    return caller("GetReport", method="GET", query={"Id": str(report_id)}, signed={"x-acs-version": NEW}, **options)


def test_own_kind_is_driven_over_the_api(reporting: EmulatorControl) -> None:
    caller = Caller(reporting)

    report_id = order(caller)

    assert report_id == 500
    assert get(caller, report_id).json["Status"] == "Ordered"
    reporting.advance(0.3)
    assert get(caller, report_id).json["Status"] == "Ready"
    assert get(caller, 7).code == "InvalidReport.NotFound"


def test_own_kind_is_in_the_log_and_meets_faults_and_limits(reporting: EmulatorControl) -> None:
    caller = Caller(reporting)
    reporting.add_fault("throttle", "GetReport")

    order(caller)
    assert get(caller, 1).status == 429
    reporting.settings(ids_as_text=True)
    reply = caller("OrderReport", query={"ProjectId": "10000"}, form={"Title": "b"})

    assert reply.json["ReportId"] == "501"
    entries = reporting.requests()
    assert [(entry["action"], entry["version"], entry["method"], entry["effect"]) for entry in entries] == [
        ("OrderReport", OLD, "POST", True),
        ("GetReport", NEW, "GET", False),
        ("OrderReport", OLD, "POST", True),
    ]
    reporting.settings(write_qps=1)
    order_again = caller("OrderReport", query={"ProjectId": "10000"}, form={"Title": "c"})
    assert order_again.status == 429


@pytest.mark.waits
def test_own_kind_is_read_and_changed_through_the_control_endpoint(reporting: EmulatorControl) -> None:
    caller = Caller(reporting)
    fresh = reporting.state()
    assert [report["ReportId"] for report in fresh["reports"]] == [1]
    report_id = order(caller)

    changed = reporting.set_resource("reports", report_id, Status="Lost")

    assert (changed["Status"], changed["orders"], changed["Title"]) == ("Lost", 1, "ü")
    time.sleep(0.35)
    assert reporting.resource("reports", report_id)["Status"] == "Lost"  # the timer was cancelled
    added = reporting.add_resource("reports", ready_seconds=2)
    assert (added["ReportId"], added["ProjectId"], added["Title"]) == (501, 10000, "report 501")
    many = reporting.add_resources("reports", [{"ReportId": 7}, {}])
    assert [report["ReportId"] for report in many] == [7, 502]
    assert [report["ReportId"] for report in reporting.resources("reports")] == [1, 7, 500, 501, 502]
    reporting.remove_resource("reports", 7)
    with pytest.raises(LookupError, match="no report 7"):
        reporting.resource("reports", 7)
    reporting.reset()
    assert reporting.state() == fresh


@pytest.mark.parametrize("fields", [{"ReportId": 1}, {"Title": 5}, {"orders": 2}, {"Name": "x"}])
def test_field_of_an_own_kind_is_checked(reporting: EmulatorControl, fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="400"):
        reporting.add_resource("reports", **fields)

    assert len(reporting.resources("reports")) == 1


def test_workspace_of_an_own_kind_exists(reporting: EmulatorControl) -> None:
    reporting.add_resource("reports", ProjectId=30000)

    page = Caller(reporting)("ListProjects").json["PageResult"]["ProjectList"]

    assert [project["ProjectId"] for project in page] == [10000, 30000]


def test_version_decides_which_actions_there_are(reporting: EmulatorControl) -> None:
    caller = Caller(reporting)

    old = caller("GetReport", query={"Id": "1"})
    new = caller("CreateDISyncTask", query={"ProjectId": "10000"}, signed={"x-acs-version": NEW})
    unknown = caller("GetReport", query={"Id": "1"}, signed={"x-acs-version": "2019-01-01"})

    assert [(reply.status, reply.code) for reply in (old, new, unknown)] == [
        (404, "InvalidAction.NotFound"),
        (404, "InvalidAction.NotFound"),
        (400, "NoSuchVersion"),
    ]
    assert f"{OLD}, {NEW}" in unknown.json["Message"]


def test_method_is_that_of_the_action(reporting: EmulatorControl) -> None:
    caller = Caller(reporting)

    posted = caller("GetReport", query={"Id": "1"}, signed={"x-acs-version": NEW})
    got = caller("OrderReport", method="GET", query={"ProjectId": "10000"})

    assert (posted.status, posted.code) == (400, "UnsupportedHTTPMethod")
    assert "use GET" in posted.json["Message"]
    assert (got.status, got.code) == (400, "UnsupportedHTTPMethod")
    assert len(reporting.resources("reports")) == 1


def test_one_name_can_stand_for_an_action_in_each_version() -> None:
    old = Action("GetDIJob", (), get_report)
    new = dataclasses.replace(old, version=NEW, method="GET")

    table = ActionTable([old, new])

    assert (table.find(OLD, "GetDIJob"), table.find(NEW, "GetDIJob")) == (old, new)
    assert table.versions == [OLD, NEW]
    with pytest.raises(ValueError, match="GetDIJob"):
        ActionTable([old, new, old])


def test_two_kinds_cannot_share_a_path() -> None:
    with pytest.raises(ValueError, match="reports"):
        Emulator(Settings(), kinds=(REPORTS, dataclasses.replace(REPORTS, name="other")))
