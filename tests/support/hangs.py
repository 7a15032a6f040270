"""What is told of a test that hangs: it ends the run, and its name is the last that is printed.

pytest-timeout itself prints the stack of the event loop, which says nothing about its tasks.
"""

import asyncio
import faulthandler
import gc
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    """Have the run end when the test has not by then."""
    timer = threading.Timer(settings.timeout, _end, (item, settings.timeout))
    timer.daemon = True
    item.stash[_timer] = timer
    timer.start()
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_cancel_timer(item: pytest.Item) -> bool:
    """Let the test be: it has ended."""
    if timer := item.stash.get(_timer, None):
        timer.cancel()
    return True


_timer = pytest.StashKey[threading.Timer]()


def _end(item: pytest.Item, timeout_s: float) -> None:
    try:
        _stop_capturing(item)
        faulthandler.dump_traceback()
        for task in _tasks():
            _tell("", task, *_waits(task.get_coro()))
        where = os.environ.get("PYTEST_CURRENT_TEST", item.nodeid)
        _tell("", f"Not done within {timeout_s:g} s: {where}")
    finally:
        os._exit(1)


def _stop_capturing(item: pytest.Item) -> None:
    capturing = item.config.pluginmanager.getplugin("capturemanager")
    if capturing:
        capturing.suspend_global_capture()
        _tell(*capturing.read_global_capture())


def _tell(*lines: object) -> None:
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.stderr.flush()


def _tasks() -> Iterator[asyncio.Task[Any]]:
    """All tasks of this process: those of a loop are told to its own thread alone."""
    for each in gc.get_objects():
        if isinstance(each, asyncio.Task) and not each.done():
            yield each


def _waits(coroutine: Any) -> Iterator[str]:
    """Where a coroutine waits, from the outside to the inside."""
    while frame := getattr(coroutine, "cr_frame", None):
        yield f"  {coroutine.__qualname__}, {frame.f_code.co_filename}:{frame.f_lineno}"
        coroutine = coroutine.cr_await
