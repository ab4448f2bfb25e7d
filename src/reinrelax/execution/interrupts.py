"""Signals that interrupt a run of the workflow: all jobs are stopped, and none counts as failed."""

import signal
from contextlib import suppress
from types import FrameType

import psutil

# The signals received by this process.
received: list[signal.Signals] = []


def listen() -> None:
    """Treat SIGTERM as an interrupt, and pass it on to the run's jobs as Ctrl-C would.

    Snakemake itself would wait for its jobs, and a cell may take hours.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    if (
        signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    ):  # ignored if started in the background by a script
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    again = number in received
    received.append(signal.Signals(number))
    if number == signal.SIGTERM:
        for job in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                job.terminate()
        if again:  # make forwards the signal as well; a second one must not abort the shutdown
            return
    raise KeyboardInterrupt
