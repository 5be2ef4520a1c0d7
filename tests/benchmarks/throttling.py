"""What many processes get of an account's requests a second: a simulation, with the client's rate limiter and backoff.

Each process calls without end, one call after the other, in a thread or several. The limit is the emulator's. Beside
it stands what the client did before it adapted its rate: fixed spacing, exponential pauses, five attempts.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from unittest import mock

from airflow_provider_dataworks.client import client, retry
from airflow_provider_dataworks.client.clock import installed
from airflow_provider_dataworks.client.rate_limiter import RateLimiter
from airflow_provider_dataworks.emulator.protocol.rate_limiter import RateLimiter as ServerRateLimiter
from tests.benchmarks.measuring import Line, at_most, print_table
from tests.support.clock import FakeClock

#: Seconds from a request to its answer.
_LATENCY = 0.05


@dataclass
class Result:
    """What became of the requests.

    :param seconds: how long the simulation ran.
    :param calls: calls that succeeded, by process.
    """

    seconds: float
    calls: list[int]
    requests: int = 0
    throttled: int = 0
    failed_calls: int = 0
    attempts: list[int] = field(default_factory=list)

    @property
    def throttled_share(self) -> float:
        return self.throttled / self.requests

    @property
    def admitted_per_second(self) -> float:
        return (self.requests - self.throttled) / self.seconds

    @property
    def fastest_process(self) -> int:
        return max(self.calls)

    @property
    def slowest_process(self) -> int:
        return min(self.calls)


def simulate(
    *, processes: int, per_second: float, edition: int, seconds: float, threads: int = 1, adaptive: bool = True
) -> Result:
    """Run the processes against the limit.

    :param processes: how many, each with a rate limiter of its rate_limiter.
    :param per_second: each one's ``max_qps``.
    :param edition: requests that the service admits in any second.
    :param seconds: how long.
    :param threads: callers a process; default 1.
    :param adaptive: as the client is (default), or as it was.
    :return: what became of the requests.
    """
    chance, clock, limiter = random.Random(7), FakeClock(0.0), ServerRateLimiter()
    result = Result(seconds, [0] * processes)

    def admitted(rate_limiter: RateLimiter) -> bool:
        result.requests += 1
        passed = limiter.admit(clock.now, edition)
        result.throttled += not passed
        if adaptive:
            (rate_limiter.answered if passed else rate_limiter.throttled)()
        return passed

    def caller(process: int, rate_limiter: RateLimiter) -> Iterator[float]:
        pause: Callable[[int], float] = (
            retry.backoff if adaptive else (lambda n: min(2.0 ** (n - 1) + chance.random(), 30))
        )
        while True:
            attempts, waited = 1, 0.0
            yield rate_limiter.reserve()
            while not admitted(rate_limiter):
                yield _LATENCY
                wait = pause(attempts)
                if waited + wait >= client.MAX_THROTTLED if adaptive else attempts >= 5:
                    result.failed_calls += 1
                    break
                waited += wait
                attempts += 1
                yield wait
                yield rate_limiter.reserve()
            else:
                result.calls[process] += 1
                yield _LATENCY
            result.attempts.append(attempts)

    with installed(clock), mock.patch("random.uniform", chance.uniform):
        queue: list[tuple[float, int, Iterator[float]]] = []
        for process in range(processes):
            rate_limiter = RateLimiter(per_second)
            for _ in range(threads):
                queue.append((chance.uniform(0, 1), len(queue), caller(process, rate_limiter)))
        heapq.heapify(queue)
        while queue and queue[0][0] < seconds:
            clock.now, number, running = heapq.heappop(queue)
            heapq.heappush(queue, (clock.now + next(running), number, running))
    return result


def main() -> None:
    """Print the figures, each beside the former one."""
    lines = []
    for processes, threads, bound in ((1, 1, 0.0), (4, 1, 0.05), (16, 1, 0.16), (16, 4, 0.2), (40, 1, 0.3)):
        now, before = (
            simulate(processes=processes, threads=threads, per_second=4, edition=5, seconds=900, adaptive=adaptive)
            for adaptive in (True, False)
        )
        lines += [
            at_most(f"{processes} processes of {threads} callers: throttled", now.throttled_share, bound),
            at_most("  calls that failed", now.failed_calls, 0, "{:.0f}"),
            Line("  requests admitted a second", f"{now.admitted_per_second:.2f}"),
            Line("  most attempts of a call", str(max(now.attempts))),
            Line(
                "  without adapting: throttled, failed, admitted a second",
                f"{before.throttled_share:.2f}, {before.failed_calls}, {before.admitted_per_second:.2f}",
            ),
        ]
    print_table("Fifteen minutes of calls without end, max_qps 4, an edition of 5 requests a second", lines)


if __name__ == "__main__":
    main()
