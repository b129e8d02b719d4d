"""Signs of life of jobs that wait or run: one message for all that say the same."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable
from typing import Any

from ....records import Progress
from .job import Job


def due(jobs: Iterable[Job], heartbeat: float) -> dict[Job, float]:
    """When each job that is owed an answer is due to give a sign of life."""
    return {job: max(job.heard + heartbeat, job.due) for job in jobs if not job.answered}


def silent(jobs: Iterable[Job], heartbeat: float) -> list[Job]:
    """Who is to give a sign of life now; if anybody is, all who'd soon be, so that it is one."""
    times, now = due(jobs, heartbeat), time.monotonic()
    if not any(at <= now for at in times.values()):
        return []
    return [job for job, at in times.items() if at <= now + heartbeat / 2]


def tell(jobs: Iterable[Job], shared: object) -> None:
    """Tell listeners how far their jobs are.

    A listener may have a method ``together(others, progress)``, which tells the same of several
    jobs of one owner at once.

    Parameters
    ----------
    shared
        How far is what several wait for, as of its last step.
    """
    groups: list[tuple[Hashable, Progress, list[Any]]] = []
    now = time.monotonic()
    for job in jobs:
        job.heard = now
        progress = shared if job.shared and isinstance(shared, Progress) else job.progress
        if not hasattr(job.listener, "together"):
            job.listener("progress", progress)
            continue
        for owner, same, listeners in groups:
            if owner == job.place[0] and same == progress:
                listeners.append(job.listener)
                break
        else:
            groups.append((job.place[0], progress, [job.listener]))
    for _, progress, (first, *others) in groups:
        first.together(others, progress)
