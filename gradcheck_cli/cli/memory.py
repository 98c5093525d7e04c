"""The cache as the commands see it: where it is, whether it is used, and what `gradcheck cache` does with it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from gradcheck_cli.cache.folder import Folder, Refused, place
from gradcheck_cli.cache.store import Store
from gradcheck_cli.cli.given import RunOptions

SWITCHED_OFF = "GRADCHECK_NO_CACHE"
"""Set to anything, no verdict is reused or kept."""


def memory_for(told: RunOptions) -> tuple[Store | None, Sequence[str]]:
    """Where verdicts are kept for these options, None for nowhere; and a note where there is no safe place for them."""
    if not told.cache or os.environ.get(SWITCHED_OFF):
        return None, ()
    try:
        return Store(Folder.open(place()), told.check), ()
    except Refused as refused:
        return None, (f"No verdict is kept for the next run: {refused}.",)
