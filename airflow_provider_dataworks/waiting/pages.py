"""Which pages of a list to read, so that as few requests as possible answer all that is waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

#: Entries a page, the most that the lists of 2020-05-18 give.
PAGE_SIZE = 100


class PageMap:
    """Where on a paged list the targets were seen; of others nothing is kept.

    :param most_pages: how many pages the list gives at most; default as many as it has.
    """

    def __init__(self, most_pages: int | None = None) -> None:
        self._most_pages = most_pages
        self._page_of: dict[int, int] = {}
        self._pages = 1
        self._read: set[int] = set()

    def begin_tick(self) -> None:
        """Forget which pages were read in the last tick."""
        self._read = set()

    def next_page(self, wanted: Collection[int]) -> int | None:
        """Choose the next page to read.

        :param wanted: ids that have no answer yet; at least one.
        :return: its number; None if polling one by one takes no more requests.
        """
        located = Counter(self._page_of[target_id] for target_id in wanted if target_id in self._page_of)
        unlocated = len(wanted) - located.total()
        known = [(count, -page) for page, count in located.items() if page not in self._read]
        if known and max(known)[0] > 1:
            return -max(known)[1]
        # Nothing says where an unlocated target is: at worst it takes all pages, one by one it takes one request each.
        # Where that is the same, pages are read: afterwards it is known which targets share one.
        unread = self._pages - sum(page <= self._pages for page in self._read)
        if not unread or unlocated < max(unread, 2):
            return None
        return next(page for page in range(1, self._pages + 1) if page not in self._read)

    def take(self, page: int, total: int | None, found: Collection[int]) -> None:
        """Take note of a page that was read.

        :param page: its number.
        :param total: how many entries the whole list has; None if the answer does not say.
        :param found: ids of the targets on it.
        """
        self._read.add(page)
        if total is not None:
            pages = max(1, -(-total // PAGE_SIZE))
            self._pages = pages if self._most_pages is None else min(pages, self._most_pages)
        for target_id in [one for one, where in self._page_of.items() if where == page and one not in found]:
            del self._page_of[target_id]
        self._page_of.update(dict.fromkeys(found, page))

    def forget(self, target_id: int) -> None:
        """Forget a target that nobody waits for any more.

        :param target_id: its id.
        """
        self._page_of.pop(target_id, None)
