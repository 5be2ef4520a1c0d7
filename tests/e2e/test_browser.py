"""What people see in the user interface: the connection's form, the Test button, a waiting task, its log and templates.

With SCREENSHOTS=FOLDER in the environment it makes the pictures of the documentation (``make pictures``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_dataworks.connection.form import CONNECTION_FIELDS
from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.e2e.runs import LONG, eventually
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess

playwright = pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Locator, Page, Response, expect  # noqa: E402 - only where it is installed

from tests.support.browser import find_chromium, open_page, take_picture  # noqa: E402 - needs playwright

CONNECTION = "dataworks_browser"
DAG_ID = "copy_orders"
SECRET = "not-the-right-secret"
CONSOLE = "https://dataworks.data.aliyun.com/cn-shanghai/sc?defaultProjectId=10000"


@pytest.fixture
def page() -> Iterator[Page]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("there is no Chromium")
    with open_page(chromium) as page:
        yield page


@pytest.fixture
def airflow3(airflow: LocalAirflow) -> LocalAirflow:
    if airflow.major != 3:
        pytest.skip("the user interface of Airflow 3")
    return airflow


@pytest.fixture
def airflow2(airflow: LocalAirflow) -> LocalAirflow:
    if airflow.major != 2:
        pytest.skip("the user interface of Airflow 2")
    return airflow


# The form of Airflow 3.2+


def sections() -> dict[str, dict[str, dict[str, Any]]]:
    """The form's fields by the section that they are in."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, field in CONNECTION_FIELDS.items():
        found.setdefault(field["schema"].get("section", "Extra Fields"), {})[name] = field
    return found


def add_connection(page: Page, airflow: LocalAirflow) -> Locator:
    """Open the form for a new connection and choose the type."""
    page.goto(f"{airflow.url}/connections")
    page.get_by_role("button", name="Add Connection").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").first.click()
    page.keyboard.type("DataWorks")
    page.get_by_role("option", name="Alibaba Cloud DataWorks").click()
    return dialog


# A list of choices that opens while a section unfolds finds its place by a form that is not there any more.
STANDS_STILL = """async node => {
    for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
    const all = Promise.allSettled(node.getAnimations({subtree: true}).map(one => one.finished));
    // Some never end.
    await Promise.race([all, new Promise(enough => setTimeout(enough, 3000))]);
}"""


def unfold(dialog: Locator, section: str) -> None:
    dialog.get_by_role("button", name=section, exact=True).click()
    dialog.evaluate(STANDS_STILL)


def fill(dialog: Locator, fields: dict[str, str]) -> None:
    for label, value in fields.items():
        dialog.get_by_label(label, exact=True).fill(value)


def test_every_field_of_the_form_has_a_label_and_a_help_text(page: Page, airflow3: LocalAirflow) -> None:
    dialog = add_connection(page, airflow3)

    for label in ("Description", "Endpoint", "Endpoint port", "AccessKey ID", "AccessKey Secret"):
        expect(dialog.get_by_label(label, exact=True)).to_be_visible()
    for label in ("Host", "Schema", "Port", "Login", "Password"):
        expect(dialog.get_by_label(label, exact=True)).to_have_count(0)
    expect(dialog.get_by_label("AccessKey Secret", exact=True)).to_have_attribute("type", "password")
    for section, fields in sections().items():
        unfold(dialog, section)
        for name, field in fields.items():
            expect(dialog.get_by_text(field["label"], exact=True)).to_be_visible()
            expect(dialog.get_by_text(field["description"], exact=True)).to_be_visible()
            expect(dialog.locator(f"[name=element_{name}]")).to_have_count(1)
    expect(dialog.locator("[name=element_security_token]")).to_have_attribute("type", "password")
    # Nothing but the id and the type has to be filled in.
    assert dialog.inner_text().count("*") == 2


def test_choices_are_drop_downs_and_the_region_is_free(page: Page, airflow3: LocalAirflow) -> None:
    dialog = add_connection(page, airflow3)
    unfold(dialog, "Extra Fields")

    region = dialog.locator("#element_region_id")
    offered = dialog.locator(f"datalist#{region.get_attribute('list')} option")
    schema = CONNECTION_FIELDS["region_id"]["schema"]
    assert [one.get_attribute("value") for one in offered.all()] == schema["examples"]
    region.fill("xx-elsewhere-9")
    expect(region).to_have_value("xx-elsewhere-9")
    for section, fields in sections().items():
        for name, field in fields.items():
            if shown := field["schema"].get("values_display"):
                if section != "Extra Fields":
                    unfold(dialog, section)
                choices = dialog.locator(f"#element_{name}")
                expect(choices).to_contain_text(shown["null"])
                choices.get_by_role("combobox").click()
                assert page.get_by_role("option").all_inner_texts() == list(shown.values())
                if name == "auth_type":
                    region.evaluate("region => region.value = 'cn-shanghai'")
                    take_picture(dialog, "connection-form-choices")
                page.get_by_role("option", name=list(shown.values())[-1]).click()
                expect(choices).to_contain_text(list(shown.values())[-1])
                if section != "Extra Fields":
                    unfold(dialog, section)


def test_connection_is_added_tested_reopened_and_mended(
    page: Page, airflow3: LocalAirflow, emulator: EmulatorProcess
) -> None:
    dialog = add_connection(page, airflow3)
    dialog.get_by_label("Connection ID").fill("dataworks_default")
    example = {"AccessKey ID": "LTAI5tExample", "AccessKey Secret": SECRET, "Endpoint port": "443"}
    fill(dialog, example)
    take_picture(dialog, "connection-form")
    host, _, port = emulator.control.url.rpartition(":")
    key = {"AccessKey ID": emulator.control.access_key_id, "AccessKey Secret": emulator.control.access_key_secret}
    fill(dialog, {"Endpoint": host, "Endpoint port": port, **key})
    unfold(dialog, "Extra Fields")
    dialog.locator("#element_region_id").fill("cn-shanghai")
    dialog.locator("[name=element_project_id]").fill("10000")
    take_picture(dialog, "connection-form-extra")
    dialog.get_by_label("Connection ID").fill(CONNECTION)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)

    works = press_test(page)
    assert works == {"status": True, "message": "Workspace 10000 answers; it has 6 DI jobs."}
    expect(page.get_by_text("Test Connection Failed")).to_have_count(0)

    secret = reopen(page).get_by_label("AccessKey Secret", exact=True)
    expect(secret).to_have_value("***")
    assert emulator.control.access_key_secret not in page.content()

    secret.fill(SECRET)
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    fails = press_test(page)
    assert fails["status"] is False
    told = page.get_by_role("status").filter(has_text="Test Connection Failed")
    expect(told).to_contain_text(fails["message"])
    page.set_viewport_size({"width": 1200, "height": 600})
    take_picture(page, "connection-test-failed")
    # It says what to do, in a toast's length, and neither secret.
    assert "AccessKey Secret" in fails["message"]
    assert len(fails["message"]) < 400
    assert SECRET not in page.content()

    reopen(page).get_by_label("AccessKey Secret", exact=True).fill(emulator.control.access_key_secret)
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert press_test(page)["status"] is True


def press(page: Page, name: str) -> None:
    """Press a button of the connection in the list."""
    # A message may cover the button, and stays for as long as the mouse is over it.
    page.mouse.move(0, 0)
    expect(page.locator("[data-scope=toast][data-part=root]")).to_have_count(0)
    page.get_by_role("row").filter(has_text=CONNECTION).get_by_role("button", name=name).click()


def press_test(page: Page) -> dict[str, Any]:
    """Press the Test button in the list; returns what the browser is told."""
    with page.expect_response(re.compile("/connections/test$")) as answer:
        press(page, "Test Connection")
    told: Response = answer.value
    assert told.ok, told.text()
    return dict(told.json())


def reopen(page: Page) -> Locator:
    press(page, "Edit Connection")
    return page.get_by_role("dialog")


# A run


def test_waiting_task_has_its_link_and_the_run_explains_itself(
    page: Page, airflow3: LocalAirflow, emulator: EmulatorProcess
) -> None:
    control = emulator.control
    control.settings(run_seconds=3600)
    define_connection(airflow3, control)
    run_id = airflow3.trigger(DAG_ID)
    tasks = f"{airflow3.url}/dags/{DAG_ID}/runs/{run_id}/tasks"
    airflow3.api.wait_for_task(DAG_ID, run_id, "copy", ["deferred"], timeout=LONG)

    page.set_viewport_size({"width": 1400, "height": 800})
    page.goto(f"{tasks}/copy/details")
    expect(page.get_by_text("Deferred", exact=True).first).to_be_visible()
    link = page.get_by_role("link", name="DataWorks console")
    expect(link).to_have_attribute("href", CONSOLE)
    link.scroll_into_view_if_needed()
    take_picture(page, "console-link")

    page.set_viewport_size({"width": 1400, "height": 1150})
    page.goto(f"{tasks}/create/rendered_templates")
    content = page.get_by_text("stepType").first
    expect(content).to_be_visible()
    shown = str(page.locator("body").text_content())
    # A key a line.
    assert re.search(r'"steps": \[\n', shown), shown
    assert '"table": "ods_orders"\n' in shown
    take_picture(page, "rendered-templates")
    nothing_secret(page, control)

    eventually(
        lambda: "DI job 1001 (mysql_to_holo_full) is Running" in airflow3.log(DAG_ID, run_id, "copy"),
        f"the task waits\n{airflow3.log(DAG_ID, run_id, 'copy')}",
    )
    control.set_job(1001, JobStatus="Finished")
    assert airflow3.api.wait(DAG_ID, run_id, timeout=LONG) == "success"

    page.goto(f"{tasks}/copy")
    expect(page.get_by_text("DI job 1001 (mysql_to_holo_full) is Finished").last).to_be_visible()
    page.set_viewport_size({"width": 1400, "height": 640})
    take_picture(page, "task-log")
    lines = page.locator("body").inner_text()
    story = [
        r"Started DI job 1001 \(RequestId [0-9A-F-]+\)",
        r"DI job 1001 \(mysql_to_holo_full\) is Running",
        r"DI job 1001 \(mysql_to_holo_full\) is Finished; it was Running for [^(]* \(MigrationType Full; waited ",
    ]
    assert re.search(".*".join(story), lines, re.DOTALL), lines
    # The end is said once.
    assert lines.count("is Finished") == 1, lines
    assert "WARNING" not in lines
    nothing_secret(page, control)
    page.goto(f"{tasks}/copy/details")
    expect(page.get_by_role("link", name="DataWorks console")).to_have_attribute("href", CONSOLE)


def define_connection(airflow: LocalAirflow, control: EmulatorControl) -> None:
    """Put the connection of the DAG into the database, whether a test before has made it or not."""
    if CONNECTION in {one["connection_id"] for one in airflow.api.connections()}:
        airflow.api.call("DELETE", f"/connections/{CONNECTION}")
    airflow.api.add_connection(CONNECTION, **control.connection)


def nothing_secret(page: Page, control: EmulatorControl) -> None:
    assert control.access_key_secret not in page.content()


# The form of Airflow 2.11


def test_form_of_airflow_2_has_the_same_fields_and_tests_green(
    page: Page, airflow2: LocalAirflow, emulator: EmulatorProcess
) -> None:
    page.goto(f"{airflow2.url}/connection/add")
    # A script lays a nicer list over the select element.
    page.locator("#conn_type").select_option("dataworks", force=True)

    labels = [label.strip() for label in page.locator("label:visible").all_inner_texts()]
    wanted = [field["label"] for field in CONNECTION_FIELDS.values()]
    assert [label for label in labels if label in wanted] == wanted
    assert {"Endpoint", "Endpoint port", "AccessKey ID", "AccessKey Secret"} <= set(labels)
    assert not {"Host", "Schema", "Port", "Login", "Password"} & set(labels)
    for name, field in CONNECTION_FIELDS.items():
        box = page.locator(f"[name=extra__dataworks__{name}]")
        expect(box).to_be_visible()
        expect(page.get_by_text(field["description"]).first).to_be_visible()
        expect(box).to_have_attribute("type", "password" if name == "security_token" else re.compile("text|number"))

    page.locator("#conn_id").fill(CONNECTION)
    host, _, port = emulator.control.url.rpartition(":")
    page.locator("#host").fill(host)
    page.locator("#port").fill(port)
    page.locator("#login").fill(emulator.control.access_key_id)
    page.locator("#password").fill(SECRET)
    page.locator("[name=extra__dataworks__region_id]").fill("cn-shanghai")
    page.locator("[name=extra__dataworks__project_id]").fill("10000")
    page.locator("#test-connection").click()
    told = page.locator(".alert")
    expect(told).to_contain_text("AccessKey Secret")
    assert SECRET not in told.inner_text()
    page.locator("#password").fill(emulator.control.access_key_secret)
    page.locator("#test-connection").click()
    expect(page.get_by_text("Workspace 10000 answers; it has 6 DI jobs.")).to_be_visible()
    page.evaluate("scrollTo(0, 0)")
    take_picture(page, "connection-form-airflow2")
    page.get_by_role("button", name="Save").click()

    page.goto(f"{airflow2.url}/connection/list/")
    page.get_by_role("row").filter(has_text=CONNECTION).locator("a[href*='/connection/edit/']").click()
    expect(page.locator("[name=extra__dataworks__region_id]")).to_have_value("cn-shanghai")
    assert emulator.control.access_key_secret not in page.content()
    stored = next(one for one in airflow2.api.connections() if one["connection_id"] == CONNECTION)
    assert (stored["login"], stored["port"]) == (emulator.control.access_key_id, int(port))
    extra = json.loads(airflow2.api.call("GET", f"/connections/{CONNECTION}")["extra"])
    assert {name: value for name, value in extra.items() if value} == {"region_id": "cn-shanghai", "project_id": 10000}
