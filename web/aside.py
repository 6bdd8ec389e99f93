"""Long work in a thread beside the greenlets, so that other requests are served meanwhile."""

from collections.abc import Callable
from typing import TypeVar

import gevent
from gevent import monkey

_Result = TypeVar("_Result")


def run_aside(work: Callable[[], _Result]) -> _Result:
    """Return what `work` returns, and raise what it raises; it must wait for nothing.

    Where there are no greenlets, as on the command line, it runs here.
    """
    if not monkey.is_module_patched("socket"):
        return work()
    result: _Result = gevent.get_hub().threadpool.apply(work)
    return result
