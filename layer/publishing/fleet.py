"""Work in many regions of many accounts at once: bounded, with progress, and no region waiting for another one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .account import Region

_LOOK = 0.2  # seconds between looks at Ctrl-C


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
    """Returns work(region, step, stopped) for each region, in the order given; the regions that it did not come to are left out.

    `work` calls `step` after each of its `steps` and ends soon once `stopped()`. After Ctrl-C no region is begun any more
    and those under way come to an end; then KeyboardInterrupt is raised again, or with `keep` what they returned is returned.
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
                finished, pending = wait(pending, timeout=_LOOK, return_when=FIRST_COMPLETED)
                done |= {futures[future]: future.result() for future in finished}
            except KeyboardInterrupt:
                stop.set()
                console.print("[yellow]stopping[/] after the calls under way")
                pending = {future for future in pending if not future.cancel()}
    if stop.is_set() and not keep:
        raise KeyboardInterrupt
    return {region: done[region] for region in regions if region in done}
