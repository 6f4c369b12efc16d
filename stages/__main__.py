"""Runs a stage: `python -m stages NAME`. A stage that fails costs no earlier result.

DVC has removed the stage's outputs before. To put them back takes DVC alone, so everything else is
imported inside the `try` below, the stage's own module last.
"""

import gc
import sys

from dvc.exceptions import DvcException

from stages import records


def main() -> None:
    gc.disable()  # until all is imported: searching that for garbage takes up to a second
    try:
        from src.arithmetic.pins import pin
        from src.base.errors import in_one_line

        pin()
        with in_one_line(DvcException):
            from stages.guard import run

            run(sys.argv[1:])
    except (Exception, SystemExit):
        records.put_back_outputs()
        raise


if __name__ == "__main__":
    main()
