"""What templates change, and what they must leave as it is: plain and mapped, with native rendering and without."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import jinja2
import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator

from airflow_provider_dataworks.exceptions import DataWorksParameterError
from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    StartDIJobOperator,
    StartDISyncInstanceOperator,
)
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from tests.support.job_contents import CONTENTS
from tests.support.rendering import load_files, make_dag, rendered

MODES = pytest.mark.parametrize("native", [False, True], ids=["text", "native"])


def _create(dag: DAG, **arguments: Any) -> CreateDISyncTaskOperator:
    return CreateDISyncTaskOperator(dag=dag, **{"task_id": "t", "task_name": "a", "task_content": {}, **arguments})


def _content(dag: DAG, content: Any, **names: Any) -> Any:
    return rendered(_create(dag, task_content=content), **names).task_content


# Real jobs


def test_there_are_forty_contents() -> None:
    assert len(CONTENTS) == 40


@MODES
@pytest.mark.parametrize("name", CONTENTS)
def test_job_content_arrives_unchanged(name: str, native: bool) -> None:
    content, written = CONTENTS[name], json.dumps(CONTENTS[name], indent=2, ensure_ascii=False)
    dag = make_dag(native=native)
    mapped = CreateDISyncTaskOperator.partial(task_id="m", task_name="a", dag=dag).expand(
        task_content=[content, written, "{}"]
    )
    by_kwargs = CreateDISyncTaskOperator.partial(task_id="k", dag=dag).expand_kwargs(
        [{"task_name": "a", "task_content": content}, {"task_name": "b", "task_content": written}]
    )

    for task in (
        rendered(_create(dag, task_content=content)),
        rendered(mapped, map_index=0),
        rendered(by_kwargs, map_index=0),
    ):
        assert task.task_content == content
        assert json.loads(task.read_arguments().task_content) == content
    for task in (
        rendered(_create(dag, task_id="w", task_content=written)),
        rendered(mapped, map_index=1),
        rendered(by_kwargs, map_index=1),
    ):
        assert task.task_content == written
        assert task.read_arguments().task_content == written


# Strings without marks

PLAIN = [
    "1",
    "",
    "'const'",
    "None",
    "True",
    "[1, 2]",
    "{'a': 1}",
    "0x10",
    "1_000",
    "007",
    "1e5",
    "b'x'",
    "()",
    "\n",
    "\r\n",
    "\r",
    "a\n",
    "delete from a;\r\n",
    "a\r\nb\rc\n",
    "\n\n",
    " 1",
    "{ {x} }",
    "}}",
    "#}",
    "\u2028",
    "orders.json",
    ".json",
    "a/b.json",
]


@MODES
@pytest.mark.parametrize("value", PLAIN)
def test_string_without_marks_stays_as_it_is(value: str, native: bool) -> None:
    dag = make_dag(native=native)
    content = {"a": value, "b": [value, (value,), {"c": {value: value}}]}
    mapped = CreateDISyncTaskOperator.partial(task_id="m", task_name="a", dag=dag).expand(task_content=[content])

    assert _content(dag, content) == content
    assert rendered(mapped, map_index=0).task_content == content


@MODES
@pytest.mark.parametrize("value", ["orders.json", "1", "'x'", "None of them", "20260101"])
def test_every_other_template_field_takes_a_plain_string(value: str, native: bool) -> None:
    dag = make_dag(native=native)

    created = rendered(_create(dag, task_name=value, client_token=value, dataworks_conn_id=value))
    sensor = rendered(DIJobStatusSensor(task_id="s", job_name=value, dag=dag))

    given = created.read_arguments()
    assert (given.task_name, given.client_token, given.dataworks_conn_id) == (value,) * 3
    assert sensor.read_arguments().job_name == value


@pytest.mark.parametrize("value", ["orders.json", ["a.json"]])
def test_ids_and_statuses_are_no_files(value: Any) -> None:
    with pytest.raises(DataWorksParameterError, match="di_job_id"):
        StartDIJobOperator(task_id="t", di_job_id=value)
    with pytest.raises(DataWorksParameterError, match="target_statuses"):
        StartDIJobOperator(task_id="t", di_job_id=1, target_statuses=value)
    with pytest.raises(DataWorksParameterError, match="project_id"):
        DIJobStatusSensor(task_id="t", di_job_id=1, project_id=value)


def test_plain_strings_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[Any] = []
    compile_template: Any = jinja2.Environment.compile

    def compile_and_note(environment: Any, source: Any, *rest: Any, **options: Any) -> Any:
        compiled.append(source)
        return compile_template(environment, source, *rest, **options)

    monkeypatch.setattr(jinja2.Environment, "compile", compile_and_note)
    dag = make_dag()
    content = {"columns": [f"column_{number}" for number in range(60_000)], "where": "{{ ds }}"}

    result = _content(dag, content, ds="2026-01-01")

    assert result == {**content, "where": "2026-01-01"}
    assert len(compiled) == 1


# Strings with marks


@MODES
@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("{{ x }}\n", "7\n"),
        ("{{ x }}\n\n", "7\n\n"),
        ("{{ x }}\r\n", "7\r\n"),
        ("{{ x }}\r", "7\r"),
        ("a;\r\n{{ x }};\nb\r\n", "a;\r\n7;\nb\r\n"),
        ("{% if x %}\r\nyes\n{% endif %}\r\n", "\r\nyes\n\r\n"),
        ("{#\r\n#}a\r\n{{ x }}\rb\n", "a\r\n7\rb\n"),
        ("{% raw %}\r\n{{ x }}\n{% endraw %}\r\n", "\r\n{{ x }}\n\r\n"),
        ("a\r\n\n{{- x -}}\r\nb\r\n", "a7b\r\n"),
        ("{{\r\n x\r\n}}\r\na\n\r\n", "7\r\na\n\r\n"),
        ("'{{ ds }}'", "'2026-01-01'"),
        ("1{{ x }}", "17"),
        (" {{ x }}", " 7"),
        ("{{ x }}.json", "7.json"),
        ("{{ x }}{{ x }}", "77"),
        ("{{ ds_nodash }}", "20260101"),
        ("{% include 'part.sql' %}\n", "select 7\n"),
    ],
)
def test_string_with_marks_keeps_its_line_breaks_and_stays_a_string(
    source: str, result: str, native: bool, tmp_path: Path
) -> None:
    (tmp_path / "part.sql").write_text("select {{ x }}")
    dag = make_dag(native=native, folder=tmp_path)

    found = _content(dag, {"sql": [source]}, x=7, ds="2026-01-01", ds_nodash="20260101")

    assert found == {"sql": [result]}
    assert type(found["sql"][0]) is str


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("{{ x }}", {"k": [1]}),
        ("{{- x['k'] -}}", [1]),
        ("{# which #}{{ x.k[0] }}", 1),
        ("{{ 1 + 1 }}", 2),
        ("{{ none }}", None),
        ("{{ '1' }}", "1"),
        ("{{ [1, 'a'] }}", [1, "a"]),
        ("{{ x.k | first }}", 1),
        ("{{ text }}", "'quoted'"),
        ("{{ x }}\n", "{'k': [1]}\n"),
    ],
)
def test_lone_expression_gives_its_value_in_native_mode_only(source: str, result: Any) -> None:
    names = {"x": {"k": [1]}, "text": "'quoted'"}

    assert _content(make_dag(native=True), {"a": source}, **names) == {"a": result}
    assert type(_content(make_dag(), {"a": source}, **names)["a"]) is str


def test_whole_argument_may_be_an_expression_that_gives_a_dict() -> None:
    dag = make_dag(native=True)

    task = rendered(_create(dag, task_content="{{ job }}", project_id="{{ n }}"), job={"a": "1"}, n=5)

    assert (task.task_content, task.project_id) == ({"a": "1"}, 5)


@MODES
def test_name_that_is_not_defined_is_an_error(native: bool) -> None:
    with pytest.raises(jinja2.UndefinedError, match="'missing' is undefined"):
        _content(make_dag(native=native), {"a": "{{ missing }}"})


@MODES
def test_syntax_error_in_a_template_is_jinja_s(native: bool) -> None:
    with pytest.raises(jinja2.TemplateSyntaxError):
        _content(make_dag(native=native), {"a": "{{ x"})


def test_marks_are_those_of_the_dag() -> None:
    dag = make_dag(jinja_environment_kwargs={"variable_start_string": "[[", "variable_end_string": "]]"})

    assert _content(dag, {"a": "[[ x ]]", "b": "{{ x }}"}, x=7) == {"a": "7", "b": "{{ x }}"}
    assert _create(dag, task_id="u", task_content="[[ x ]]").task_content == "[[ x ]]"


@MODES
def test_what_an_upstream_task_gives_is_no_template(native: bool) -> None:
    class Upstream:
        """Stands for a value that Airflow resolves."""

        def resolve(self, *_: Any, **__: Any) -> Any:
            return {"a": "{{ x }}", "b": "1"}

    dag = make_dag(native=native)
    kind = type("Upstream", (Upstream, *_resolve_mixin()), {"iter_references": lambda self: ()})

    assert _content(dag, {"inner": kind()}, x=7) == {"inner": {"a": "{{ x }}", "b": "1"}}


def _resolve_mixin() -> tuple[type, ...]:
    """Airflow 2.11 asks for its own class."""
    try:
        module = importlib.import_module("airflow.utils.mixins")
    except ImportError:
        return ()
    return (module.ResolveMixin,)


def test_operator_s_own_setting_wins_over_the_dag_s() -> None:
    if not hasattr(BaseOperator, "render_template_as_native_obj"):
        pytest.skip("this Airflow has the setting for a DAG only")
    content = {"a": "{{ x }}", "b": "1"}
    native = _create(make_dag(), task_content=content, render_template_as_native_obj=True)
    text = _create(make_dag(native=True), task_content=content, render_template_as_native_obj=False)

    assert rendered(native, x=[7]).task_content == {"a": [7], "b": "1"}
    assert rendered(text, x=[7]).task_content == {"a": "[7]", "b": "1"}


# Files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with template files."""
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "orders.json").write_text('{"from": "{{ ds }}", "sep": "\\r\\n"}\n')
    (tmp_path / "bom.json").write_bytes(b'\xef\xbb\xbf{"a": "1"}')
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "broken.json").write_text('{\n "a": 1,\n}')
    return tmp_path


KINDS: list[Any] = [
    ("exports/orders.json", '{"from": "2026-01-01", "sep": "\\r\\n"}\n'),
    (Path("exports/orders.json"), '{"from": "2026-01-01", "sep": "\\r\\n"}\n'),
    ("bom.json", '{"a": "1"}'),
]


@MODES
@pytest.mark.parametrize("read", ["when parsed", "when rendered"])
@pytest.mark.parametrize(("path", "content"), KINDS, ids=["string", "Path", "byte order mark"])
def test_whole_value_is_the_path_of_a_file(path: Any, content: str, read: str, native: bool, folder: Path) -> None:
    dag = make_dag(native=native, folder=folder)
    tasks: list[Any] = [
        _create(dag, task_content=path, task_param=path),
        StartDIJobOperator(task_id="start", di_job_id=1, realtime_start_settings=path, dag=dag),
        StartDISyncInstanceOperator(task_id="instance", file_id=1, start_param=path, dag=dag),
        CreateDISyncTaskOperator.partial(task_id="m", task_name="a", dag=dag).expand(task_content=[path]),
        CreateDISyncTaskOperator.partial(task_id="p", task_content=path, dag=dag).expand(task_name=["a"]),
    ]
    if read == "when parsed":
        load_files(dag)

    create, start, instance, mapped, partial = (rendered(task, map_index=0, ds="2026-01-01") for task in tasks)

    assert create.task_content == create.task_param == start.realtime_start_settings == content
    assert instance.start_param == mapped.task_content == partial.task_content == content
    assert create.read_arguments().task_content == content


def test_absolute_path_is_read_from_where_it_is(folder: Path) -> None:
    dag = make_dag()
    path = folder / "exports" / "orders.json"

    for number, given in enumerate((path, str(path))):
        found = rendered(_create(dag, task_id=f"t{number}", task_content=given), ds="2026-01-01").task_content
        assert json.loads(found) == {"from": "2026-01-01", "sep": "\r\n"}


@pytest.mark.parametrize("path", ["none.json", "latin.json", "folder.json", "/nowhere/x.json"])
def test_file_that_cannot_be_read_is_named(path: str, folder: Path) -> None:
    dag = make_dag(folder=folder)
    task = _create(dag, task_content=path)

    load_files(dag)
    with pytest.raises(DataWorksParameterError, match=rf"^task_content: the file '{path}' cannot be (found|read)"):
        rendered(task)


def test_file_that_an_earlier_task_writes_is_read_when_the_task_runs(tmp_path: Path) -> None:
    dag = make_dag(folder=tmp_path)
    task = _create(dag, task_content="later.json")
    load_files(dag)

    (tmp_path / "later.json").write_text('{"a": 1}')

    assert rendered(task).task_content == '{"a": 1}'


def test_error_in_a_file_names_the_file_line_and_column(folder: Path) -> None:
    dag = make_dag(folder=folder)

    with pytest.raises(
        DataWorksParameterError, match=r"task_content: in the file 'broken\.json': .* at line [23] column"
    ):
        rendered(_create(dag, task_content="broken.json")).read_arguments()


@pytest.mark.parametrize("value", [Path("x.txt"), Path("x"), Path("s3://bucket/x.json"), Path("x.json/y")])
def test_other_paths_are_refused_at_construction(value: Path) -> None:
    if value.parts[0] == "s3:":
        value = type("Remote", (type(value),), {"__fspath__": lambda self: "s3://bucket/x.json"})(value)
    with pytest.raises(
        DataWorksParameterError, match=r"task_content: must be a dict, a JSON object or the path of a local"
    ):
        _create(make_dag(), task_content=value)


def test_path_for_another_argument_is_refused_at_construction() -> None:
    with pytest.raises(DataWorksParameterError, match="task_name: must be"):
        _create(make_dag(), task_name=Path("a.json"))


@pytest.mark.parametrize("value", ["{{ name }}.json", "{{ 'exports/orders.json' }}"])
def test_rendered_path_is_refused_with_the_way_to_go(value: str, folder: Path) -> None:
    dag = make_dag(folder=folder)

    task = rendered(_create(dag, task_content=value), name="exports/orders")

    with pytest.raises(DataWorksParameterError, match=r"task_content: 'exports/orders\.json' is the path of a file"):
        task.read_arguments()
    # The way to go.
    included = "{% include name ~ '.json' %}"
    found = rendered(_create(dag, task_id="u", task_content=included), name="exports/orders", ds="2026-01-01")
    assert json.loads(found.task_content)["from"] == "2026-01-01"


@pytest.mark.slow
def test_dag_bag_loads_files_and_serialises_paths(folder: Path) -> None:
    """In a process of its own, as the DAG processor does."""
    (folder / "a_dag.py").write_text(
        textwrap.dedent(
            """
            from datetime import datetime
            from pathlib import Path

            from airflow.providers.common.compat.sdk import DAG
            from airflow_provider_dataworks.operators.data_integration import CreateDISyncTaskOperator

            with DAG("a_dag", schedule=None, start_date=datetime(2026, 1, 1)):
                nested = {"object": ["exports/orders.json"]}
                CreateDISyncTaskOperator(task_id="nested", task_name="n.json", task_content=nested)
                CreateDISyncTaskOperator(task_id="file", task_name="n", task_content=Path("exports/orders.json"))
                there = Path(__file__).parent / "bom.json"
                CreateDISyncTaskOperator(task_id="there", task_name="n", task_content=there)
                CreateDISyncTaskOperator(task_id="none", task_name="n", task_content="none.json")
                CreateDISyncTaskOperator.partial(task_id="m", task_name="n").expand(
                    task_content=["exports/orders.json", nested, Path("bom.json")]
                )
                CreateDISyncTaskOperator.partial(task_id="p", task_content=there).expand(task_name=["a", "b"])
            """
        )
    )
    script = """
import json, sys
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag
try:
    from airflow.serialization.serialized_objects import DagSerialization as Serialized
except ImportError:
    from airflow.serialization.serialized_objects import SerializedDAG as Serialized
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
dag = bag.dags["a_dag"]
Serialized.to_dict(dag)
print("FOUND", json.dumps({task.task_id: getattr(task, "task_content", None) for task in dag.tasks}))
"""
    answer = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, timeout=120)

    lines = [line for line in answer.stdout.splitlines() if line.startswith("FOUND ")]
    assert lines, answer.stderr[-2000:]
    assert json.loads(lines[0].removeprefix("FOUND ")) == {
        "nested": {"object": ["exports/orders.json"]},
        "file": '{"from": "{{ ds }}", "sep": "\\r\\n"}\n',
        "there": '{"a": "1"}',
        "none": "none.json",
        "m": None,
        "p": None,
    }
    assert "Traceback" not in answer.stdout + answer.stderr
    assert "'none.json' cannot be found" in answer.stdout + answer.stderr
