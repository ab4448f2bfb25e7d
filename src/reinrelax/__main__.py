"""The entry point of `python -m reinrelax`."""

import os
import sys

from reinrelax.cli import main

if __name__ == "__main__":
    try:
        main()
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        # All files are written and closed. Skipping torch's teardown saves each job half a second.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)
