"""As few requests as possible answer all that is waited for: pages where they are shared, else one by one."""

from __future__ import annotations

import pytest

from airflow_provider_dataworks.config import config
from airflow_provider_dataworks.waiting.pages import PageMap


@pytest.fixture
def page_map() -> PageMap:
    """Return a map of a list of 45 entries on pages of ten, all of them read: entries 1 to 45 in order."""
    page_map = PageMap()
    page_map.page_size = 10
    for page in range(1, 6):
        page_map.take(page, 45, range(page * 10 - 9, min(page * 10, 45) + 1))
    page_map.begin_tick()
    return page_map


def test_pages_have_as_many_entries_as_configured() -> None:
    assert PageMap().page_size == config().poll_page_size


def test_the_page_with_most_of_the_wanted_is_first_then_the_earliest(page_map: PageMap) -> None:
    assert page_map.next_page([1, 11, 12, 21, 22, 23]) == 3
    assert page_map.next_page([1, 2, 11, 12]) == 1
    page_map.take(1, 45, range(1, 11))
    assert page_map.next_page([11, 12]) == 2


def test_a_page_for_a_single_target_is_no_better_than_its_own_request(page_map: PageMap) -> None:
    assert page_map.next_page([1, 11, 21]) is None
    assert page_map.next_page([1]) is None


def test_a_page_is_not_read_twice_in_a_tick(page_map: PageMap) -> None:
    page_map.take(2, 45, range(11, 21))

    assert page_map.next_page([11, 12]) is None
    page_map.begin_tick()
    assert page_map.next_page([11, 12]) == 2


def test_unlocated_targets_are_searched_for_where_that_takes_no_more_requests(page_map: PageMap) -> None:
    unknown = [100, 101, 102, 103]
    assert page_map.next_page(unknown) is None
    assert page_map.next_page([*unknown, 104]) == 1
    page_map.take(1, 45, ())
    assert page_map.next_page(unknown) == 2
    for page in range(2, 6):
        page_map.take(page, 45, ())
    assert page_map.next_page([*unknown, 104]) is None


def test_a_single_unlocated_target_is_polled_by_itself_even_if_there_is_one_page() -> None:
    page_map = PageMap()

    assert page_map.next_page([1]) is None
    assert page_map.next_page([1, 2]) == 1


@pytest.mark.parametrize(("total", "most", "count"), [(None, 9, 1), (0, 9, 1), (10, 9, 1), (11, 9, 2), (99, 3, 3)])
def test_the_list_has_as_many_pages_as_its_total_takes_up_to_the_most(total: int | None, most: int, count: int) -> None:
    page_map = PageMap(most)
    page_map.page_size = 10
    page_map.take(1, total, ())
    page_map.begin_tick()

    read = []
    while (page := page_map.next_page(range(100))) is not None:
        page_map.take(page, total, ())
        read.append(page)
    assert read == list(range(1, count + 1))


def test_a_total_that_an_answer_does_not_give_is_the_one_before(page_map: PageMap) -> None:
    page_map.take(1, None, range(1, 11))

    assert page_map.next_page([100, 101, 102, 103]) == 2


def test_what_has_left_a_page_is_unlocated(page_map: PageMap) -> None:
    page_map.take(1, 45, [3, 4])
    page_map.begin_tick()

    # Eight of ten are nowhere now: that is worth reading pages for; those of other pages stay where they were.
    assert page_map.next_page([3, 4]) == 1
    assert page_map.next_page([1, 2]) is None
    assert page_map.next_page([11, 12]) == 2


def test_what_moved_to_another_page_is_looked_for_there(page_map: PageMap) -> None:
    page_map.take(2, 45, [1, 2])
    page_map.begin_tick()

    assert page_map.next_page([1, 2]) == 2


def test_what_nobody_waits_for_is_forgotten(page_map: PageMap) -> None:
    page_map.forget(1)
    page_map.forget(1000)

    assert page_map.next_page([1, 2]) is None


def test_fewer_pages_than_were_read_leave_none_to_read(page_map: PageMap) -> None:
    for page in (4, 5):
        page_map.take(page, 5, ())

    assert page_map.next_page([100, 101]) == 1
