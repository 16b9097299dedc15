"""Work that threads do ahead of the one who reads its results, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def in_order(work: Callable[[In], Out], items: Iterable[In], jobs: int) -> Iterator[tuple[In, Out]]:
    """Each item and what `work` makes of it, in order; `jobs` threads work ahead of the reader."""
    if jobs == 1:
        for item in items:
            yield item, work(item)
        return
    ahead: deque[tuple[In, Future[Out]]] = deque()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for item in items:
                ahead.append((item, pool.submit(work, item)))
                if len(ahead) > 2 * jobs:
                    first, future = ahead.popleft()
                    yield first, future.result()
            while ahead:
                first, future = ahead.popleft()
                yield first, future.result()
        finally:
            for _, future in ahead:
                future.cancel()
