"""A user's DAG passes the type checkers: an upstream task's output is taken for each argument that is rendered."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DAG_FILE = "tests/support/typed_dag.py"
WRONG = """
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor

DIJobStatusSensor(task_id="t", di_job_id=1.5)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.metadata.version("apache-airflow").startswith("2."), reason="the DAG is one for airflow.sdk"
    ),
]


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy_passes_a_user_s_dag(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(WRONG)
    command = [sys.executable, "-m", "mypy", "--strict"]

    answer = subprocess.run([*command, DAG_FILE, str(wrong)], cwd=ROOT, capture_output=True, text=True, timeout=280)

    lines = [line for line in answer.stdout.splitlines() if ": error:" in line]
    assert [line for line in lines if DAG_FILE in line] == []
    # It was checked against our types.
    assert ['"di_job_id"' in line for line in lines] == [True], answer.stdout + answer.stderr


@pytest.mark.skipif(importlib.util.find_spec("pyright") is None, reason="pyright is not installed")
def test_pyright_passes_a_user_s_dag(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "right.py").write_text((ROOT / DAG_FILE).read_text())
    settings = {"extraPaths": [str(ROOT)], "include": ["right.py", "wrong.py"]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(tmp_path)]

    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280)

    assert answer.stdout.startswith("{"), answer.stderr
    found = json.loads(answer.stdout)["generalDiagnostics"]
    errors = [(Path(one["file"]).name, one["message"]) for one in found if one["severity"] == "error"]
    assert [error for error in errors if error[0] == "right.py"] == []
    assert ["di_job_id" in message for _, message in errors] == [True]
