"""How every stage ends: quietly when all is well, with one line and exit code 1 when a user can mend it."""

import sys

from src.errors import UserError


def run(main) -> None:
    """Call `main` with the command line's arguments; end the process on an error a user can mend."""
    try:
        main(*sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:  # a full disk or a missing file explains itself: its text names the file
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: the next `dvc repro` goes on, a training after its last finished epoch")
