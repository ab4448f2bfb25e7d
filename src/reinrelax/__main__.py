"""The entry point of `python -m reinrelax`."""

import os
import sys

try:
    from reinrelax.cli import main
except ModuleNotFoundError as error:
    sys.exit(
        f"{error.name} is missing: the workflow needs packages that the library does not. Run:"
        " pip install 'reinrelax[workflow,report,rl]'"
    )

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
