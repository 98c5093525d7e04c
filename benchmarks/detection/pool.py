"""The worker processes of a run."""

from __future__ import annotations

import multiprocessing
from multiprocessing.pool import Pool

from benchmarks.detection import catalogue, job

JOBS_A_PROCESS = 24
"""A worker is replaced after so many layers: compiled programs stay in memory."""


def workers(processes: int) -> Pool:
    """A pool whose workers have this whole package imported before the first layer is loaded.

    gradcheck sets aside what was imported since, and is no library, when it turns from one folder to another.
    """
    return multiprocessing.get_context("spawn").Pool(processes, prepare, maxtasksperchild=JOBS_A_PROCESS)


def prepare() -> None:
    """Nothing but this module's imports, which a worker makes to find this function."""
    assert catalogue and job
