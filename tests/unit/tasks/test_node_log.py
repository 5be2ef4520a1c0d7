"""The log of a node's instance: what is read from it, and that nothing in it does harm."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_dataworks.waiting.node_log import (
    LONGEST_LINE,
    MOST_LINES,
    LogError,
    error_of,
    last_lines,
    state_line,
    statistics,
    total,
)

WRAPPER = """2019-02-13 14:45:38 INFO SKYNET_BIZDATE=20190213:
Start Job[46521867], traceId [310#88047#None#None#242#None#None#ftp_odps_x], running in Pipeline[basecommon_group_1]
2019-02-13 14:45:42 : State: 1(SUBMIT) | Total: 0R 0B | Speed: 0R/s 0B/s | Error: 0R 0B | Stage: 0.0%
2019-02-13 14:45:52 : State: 3(RUN) | Total: 500R 12.21KB | Speed: 50R/s 1.22KB/s | Error: 1R 25B | Stage: 50.0%
"""
FAILED = (
    WRAPPER
    + """2019-02-13 14:46:02 : State: 4(FAIL) | Total: 600R 1 KB | Speed: 1R/s 2B/s | Error: 2R 5B | Stage: 6%
ErrorMessage:
Code:[FtpReader-04], Description:[the server does not answer.].  - 530 Login incorrect
2019-02-13 14:46:02 : DI run Job [46521867] failed.
DI Submit at            : 2019-02-13 14:45:41
DI Start at             : 2019-02-13 14:45:49
DI Finish at            : 2019-02-13 14:45:53
"""
)
ENGINE = (
    "2019-02-13 StandAloneJobContainerCommunicator - Total 1000 records, 25000 bytes | Speed 2.44KB/s, 100 records/s | "
    "Error 3 records, 75 bytes |  All Task WaitWriterTime 0.001s | Percentage 100.00%\n"
    "任务启动时刻                    : 2019-02-13 14:45:49\n任务总计耗时                    :                 10s\n"
    "任务平均流量                    :            2.44KB/s\n记录写入速度                    :            100rec/s\n"
    "读出记录总数                    :                1000\n读写失败总数                    :                   3\n"
)


# Statistics


def test_the_last_line_of_the_scheduler_counts() -> None:
    assert statistics(WRAPPER) == {
        "records": 500,
        "bytes": 12503,
        "failed_records": 1,
        "failed_bytes": 25,
        "records_per_second": 50,
        "bytes_per_second": 1249,
    }


def test_the_lines_may_be_in_lower_case_and_have_blanks_before_units() -> None:
    found = statistics(FAILED.lower())

    assert (found["records"], found["bytes"], found["failed_records"], found["seconds"]) == (600, 1024, 2, 4)


def test_the_engines_exact_numbers_count_more() -> None:
    assert statistics(FAILED + ENGINE) == {
        "records": 1000,
        "bytes": 25000,
        "failed_records": 3,
        "failed_bytes": 75,
        "records_per_second": 100,
        "bytes_per_second": 2499,
        "seconds": 10,
    }


@pytest.mark.parametrize(
    "log", ["", "nothing", "State: 3(RUN) | Total:", "Total x records", "DI Finish at : 2019-02-13 14:45:53"]
)
def test_what_is_absent_is_absent(log: str) -> None:
    assert statistics(log) == {}


@pytest.mark.parametrize(
    ("started", "finished"),
    [("2019-02-13 14:45:53", "2019-02-13 14:45:52"), ("2019-02-31 14:45:53", "2019-02-13 14:45:54")],
    ids=["backwards", "no such day"],
)
def test_moments_that_make_no_duration_give_none(started: str, finished: str) -> None:
    assert statistics(f"DI Start at : {started}\nDI Finish at : {finished}\n") == {}


def test_statistics_of_several_instances_are_summed() -> None:
    assert total([{"records": 1, "seconds": 5, "note": "a"}, {}, {"records": 2, "bytes": 7, "note": "b"}]) == {
        "records": 3,
        "seconds": 5,
        "note": "a",
        "bytes": 7,
    }
    assert total([]) == {}


@pytest.mark.parametrize(
    ("size", "number"), [("1B", 1), ("1 kb", 2**10), ("1.5MB", 3 * 2**19), ("2GB", 2**31), ("1TB", 2**40), ("0.4B", 0)]
)
def test_sizes_are_bytes(size: str, number: int) -> None:
    line = f"State: 3(RUN) | Total: 5R {size} | Speed: 1R/s {size}/s | Error: 1R {size} | Stage: 50.0%"

    found = statistics(line)

    assert (found["bytes"], found["bytes_per_second"], found["failed_bytes"]) == (number, number, number)


def test_facts_are_searched_for_in_the_last_half_million_characters() -> None:
    line = "ErrorMessage: x"

    assert error_of(line + "." * (500_000 - len(line))) is not None
    assert error_of(line + " " * (500_001 - len(line))) is None


def test_work_that_took_no_time_took_no_seconds() -> None:
    log = "DI Start at : 2019-02-13 14:45:52\nDI Finish at : 2019-02-13 14:45:52\n"

    assert statistics(log) == {"seconds": 0}


# Errors


def test_code_and_description_are_those_of_the_last_error() -> None:
    assert error_of(FAILED) == LogError("FtpReader-04", "the server does not answer. 530 Login incorrect")
    again = FAILED + "Caused by: Code:[DBUtilErrorCode-07], Description:[Table 't [a]' doesn't exist]\n"
    assert error_of(again) == LogError("DBUtilErrorCode-07", "Table 't [a]' doesn't exist")


def test_an_error_without_a_code_is_what_follows_its_heading() -> None:
    assert error_of("ErrorMessage: no more space\nx") == LogError(None, "no more space")
    log = "ErrorMessage:\n\n no more space\non the disk\n2019-02-13 14:46:02 : DI run Job [1] failed.\n"
    assert error_of(log) == LogError(None, "no more space on the disk")


def test_at_most_ten_lines_belong_to_an_error_without_a_code() -> None:
    lines = [f"line {number}" for number in range(1, 21)]

    assert error_of("\n".join(["ErrorMessage:", "", *lines])) == LogError(None, " ".join(lines[:10]))
    assert error_of("\n".join(["ErrorMessage:", *lines[:3], "", *lines[3:]])) == LogError(None, "line 1 line 2 line 3")


def test_empty_lines_before_the_error_are_passed_over() -> None:
    assert error_of("ErrorMessage:\n\n\nno space\n") == LogError(None, "no space")


@pytest.mark.parametrize(("length", "end"), [(1000, ""), (1001, "...")])
def test_a_description_has_at_most_a_thousand_characters(length: int, end: str) -> None:
    assert error_of(f"ErrorMessage: {'x' * length}") == LogError(None, "x" * 1000 + end)


@pytest.mark.parametrize("next_entry", ["2019-02-13 14:46:02", "2019-02-13T14", "DI Submit at", "DI Finish at"])
def test_the_next_entry_is_no_part_of_the_error(next_entry: str) -> None:
    assert error_of(f"ErrorMessage:\nno space\n{next_entry} x\nmore") == LogError(None, "no space")


@pytest.mark.parametrize(
    ("description", "read"),
    [
        ("no space]", "no space"),
        ("no space].", "no space"),
        ("no space]..  ", "no space"),
        ("no space]. - try later", "no space try later"),
        ("no space ] -", "no space"),
        ("no space", "no space"),
        ("no [disk] space]", "no [disk] space"),
        ("no [disk] space].  ", "no [disk] space"),
        ("no [disk] space].", "no [disk] space"),
        ("no space] - [530] Login", "no space [530] Login"),
        ("no space] X", "no space X"),
        ("no space]X", "no space X"),
    ],
)
def test_what_follows_the_brackets_belongs_to_the_description(description: str, read: str) -> None:
    assert error_of(f"Code:[ A-1 ], Description:[{description}\n") == LogError("A-1", read)


def test_an_error_is_printed_with_its_code() -> None:
    assert str(LogError("A-1", "no space")) == "A-1: no space"
    assert str(LogError(None, "no space")) == "no space"
    assert str(LogError("A-1", "")) == "A-1"


@pytest.mark.parametrize("log", ["", WRAPPER, "ErrorMessage:", "ErrorMessage:\n\n", "Code:[], Description:[x]"])
def test_a_log_without_an_error_has_none(log: str) -> None:
    assert error_of(log) is None


def test_a_description_is_short_and_harmless() -> None:
    error = error_of('Code:[a], Description:[{"password":"hunter2"} \x1b[31m' + "x" * 5000 + "]\n")

    assert error is not None
    assert "hunter2" not in error.description
    assert error.description.isprintable()
    assert len(error.description) < 1100


# Lines


def test_never_more_than_the_last_thousand_lines() -> None:
    lines = last_lines("".join(f"line {number}\n" for number in range(3000))).split("\n")

    assert (len(lines), lines[0], lines[-1]) == (MOST_LINES, "line 2000", "line 2999")


def test_carriage_returns_and_escape_sequences_forge_nothing() -> None:
    shown = last_lines("10%\r20%\r\ndone\x1b[2K\x1b[31m red\x07\x00\u202e\u2028end\n")

    assert shown.split("\n")[:2] == ["10%", "20%"]
    assert all(line.isprintable() for line in shown.split("\n"))
    assert len(shown.split("\n")) == 3


@pytest.mark.parametrize(
    ("log", "limit", "shown"),
    [
        ("a\nb\nc\n", 2, "b\nc"),
        ("a\nb", 1, "b"),
        ("a\nb", 0, ""),
        (" \n", 5, ""),
        ("\na\n\n\n", 5, "\na"),
        ("a  \nbX\r\n", 5, "a  \nbX"),
        ("a \n", 5, "a "),
    ],
)
def test_the_last_lines_are_as_many_as_are_asked_for(log: str, limit: int, shown: str) -> None:
    assert last_lines(log, limit) == shown


@pytest.mark.parametrize(("length", "end"), [(4000, "x"), (4001, "... (4001 characters)")])
def test_a_line_that_is_cut_says_how_long_it_is(length: int, end: str) -> None:
    shown = last_lines("x" * length)

    assert shown == "x" * 4000 + end.removeprefix("x")


def test_a_line_without_end_is_cut() -> None:
    assert len(last_lines("x" * 3_000_000)) < LONGEST_LINE + 100


@pytest.mark.parametrize(
    "written",
    [
        '{"username":"u","password":"SECRET","table":["t"]}',
        '{"Password" : "SECRET", "a": "b"}',
        "{'accessKey': 'SECRET'}",
        r'{"a":"{\"password\":\"SECRET\",\"b\":1}"}',
        r'{"a":"{\\\"db_password\\\":\\\"SECRET\\\"}"}',
        '"jdbc:mysql://host/db?user=u&password=SECRET&x=y"',
        '{"password":"SECRET',
        "securityToken=SECRET;",
        '{"password\x1b[0m":"SECRET"}',
    ],
)
def test_passwords_are_masked(written: str) -> None:
    shown = last_lines(f"before {written} after")

    assert "SECRET" not in shown
    assert "***" in shown
    assert shown.startswith("before ")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"password":"SECRET","a":1}', '{"password":"***","a":1}'),
        ("user=u&password=SECRET&x=y", "user=u&password=***&x=y"),
        ("accessKey = SECRET;", "accessKey = ***;"),
    ],
)
def test_what_is_around_a_password_stays(line: str, shown: str) -> None:
    assert last_lines(line) == shown


@given(st.text(min_size=1))
def test_no_password_of_any_kind_is_seen_in_json(secret: str) -> None:
    whole = json.dumps({"password": f"<<{secret}>>", "name": "orders"})

    assert ">>" not in last_lines(whole)
    assert "orders" in last_lines(whole) or "\\" in secret


def test_what_is_no_password_stays() -> None:
    line = '{"accessKeyId":"LTAI1","password":"","column":["id","token_count"],"mode":"insert"} speed=5'

    assert last_lines(line) == line


@given(
    st.text(alphabet=st.sampled_from("Stae:3(RUN)|TolRB Code[],Dscripn\\\"'=pasword\r\n\x1b0159.-%KMG"), max_size=300)
)
def test_any_text_is_read_without_an_error(log: str) -> None:
    for text in (log, WRAPPER + log, log + FAILED):
        json.dumps(statistics(text))
        error_of(text)
        assert state_line(text).isprintable()
        assert all(line.isprintable() for line in last_lines(text).split("\n"))


def test_the_last_state_line_says_how_far_it_is() -> None:
    assert state_line(WRAPPER).startswith("State: 3(RUN) | Total: 500R 12.21KB")
    assert state_line("") == ""
