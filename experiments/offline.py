"""Makes the page of `dvc plots` work without a network: `python -m experiments.offline`.

It puts the library that draws the curves into a copy of the page's template, which git ignores, and
names that copy in this clone's own settings of DVC. `dvc config --local --unset
plots.html_template` takes it back.
"""

import subprocess
import sys
from pathlib import Path

from src.base.errors import UserError, in_one_line
from src.base.files import write_whole

TEMPLATE = Path(".dvc/plots.html")
OFFLINE = Path(".dvc/plots_offline.html")
INSTALL = "pip install -r requirements-plots.txt"


def library() -> str:
    """The scripts that set `vegaEmbed`. Raises UserError if the package is not installed."""
    try:
        import vl_convert
    except ModuleNotFoundError:
        raise UserError(f"vl-convert-python is not installed: {INSTALL}") from None
    return vl_convert.javascript_bundle(vl_version="5.21")  # what DVC writes is of version 5


def page() -> str:
    """The template with the library in it."""
    scripts = f"<script>\n(() => {{{library()}}})();\n</script>"
    return TEMPLATE.read_text(encoding="utf-8").replace("{scripts}", scripts)


@in_one_line()
def main() -> None:
    write_whole(OFFLINE, page().encode())
    command = [sys.executable, "-m", "dvc", "config", "--local", "plots.html_template"]
    done = subprocess.run([*command, OFFLINE.name], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"`dvc config --local` failed: {done.stderr.strip()}")
    print(f"`dvc plots` now uses {OFFLINE}, which needs no network")


if __name__ == "__main__":
    main()
