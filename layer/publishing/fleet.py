"""Run work in many regions of many accounts in parallel, with a limit and a progress display."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .account import Region

_POLL = 0.2  # seconds between checks for Ctrl-C


def over[T](
    regions: Sequence[Region],
    work: Callable[[Region, Callable[[], None], Callable[[], bool]], T],
    *,
    steps: int,
    title: str,
    parallel: int,
    console: Console,
    keep: bool = False,
) -> dict[Region, T]:
    """Return the result of work(region, step, stopped) for each region, in the given order.

    `work` calls `step` after each of its `steps`, and ends soon after `stopped()` becomes true. After Ctrl-C, no further region is
    started and the running ones finish. Then raise KeyboardInterrupt, or if `keep` return the results without the skipped regions.
    """
    stop = threading.Event()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[now]}"))
    done: dict[Region, T] = {}
    with (
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        ThreadPoolExecutor(parallel, thread_name_prefix="region") as pool,
    ):
        task = progress.add_task(title, total=len(regions) * steps, now="")

        def one(region: Region) -> T:
            progress.update(task, now=region.name)
            return work(region, lambda: progress.advance(task), stop.is_set)

        futures = {pool.submit(one, region): region for region in regions}
        pending: set[Future[T]] = set(futures)
        while pending:
            try:
                finished, pending = wait(pending, timeout=_POLL, return_when=FIRST_COMPLETED)
                done |= {futures[future]: future.result() for future in finished}
            except KeyboardInterrupt:
                stop.set()
                console.print("[yellow]stopping[/] after the running calls")
                pending = {future for future in pending if not future.cancel()}
    if stop.is_set() and not keep:
        raise KeyboardInterrupt
    return {region: done[region] for region in regions if region in done}
