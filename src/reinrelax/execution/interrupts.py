"""Signals by which a person or a system ends a run of the workflow: all of it ends, nothing has
failed.
"""

import signal
from contextlib import suppress
from types import FrameType

import psutil

# Those that this process has been sent.
received: list[signal.Signals] = []


def listen() -> None:
    """Take SIGTERM as an interrupt that the run's jobs get, too, as they get a terminal's Ctrl-C.

    Snakemake by itself would wait for its jobs, and a cell may take hours.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    if (
        signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    ):  # as it is in the background of a script
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    again = number in received
    received.append(signal.Signals(number))
    if number == signal.SIGTERM:
        for job in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                job.terminate()
        if (
            again
        ):  # make passes on what it was sent as well: no reason to break off the end of the run
            return
    raise KeyboardInterrupt
