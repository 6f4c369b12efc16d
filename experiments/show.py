"""Lists the last commit and its experiments: `python -m experiments.show`.

Each has a line with its main metrics and what differs from the last commit: parameters, and code.
If it has no metrics of its own, it has `failed`, `running`, `queued` or `stale` instead, and a line
below the list says why. `dvc exp show` has all columns, over 1,000 wide.
"""

import argparse
import shutil
import textwrap

from experiments.runs import Run, add_commits, changed_code, left_out, lost, read_runs
from src.base.errors import in_one_line

INDENT = "    "
MAIN = (".test_sse", ".test_neg_elbo")  # the metrics in the list; the latter of any likelihood


def width() -> int:
    """The columns of the terminal, or 100 without one."""
    return shutil.get_terminal_size((100, 0)).columns


def table(head: Run, experiments: list[Run]) -> str:
    """A line for each run, none longer than the terminal is wide; then what changed is below it."""
    runs = [head, *experiments]
    columns = sorted({name for run in runs for name in run.metrics if any(m in name for m in MAIN)})
    rows = [["experiment", *columns, "changed"]]
    for run in runs:
        numbers = [f"{run.metrics[name]:.2f}" if name in run.metrics else "-" for name in columns]
        if run.state != "done":
            numbers = [run.state if name == columns[0] else "" for name in columns]
        changes = {name: v for name, v in run.params.items() if v != head.params.get(name)}
        changed = [f"{k}={text(v)}" for k, v in changes.items()] + changed_code(run, head)
        rows.append([run.name, *numbers, " ".join(changed)])
    lines = aligned(rows)
    start = lines[0].rindex("changed")
    return "\n".join(part for line in lines for part in _fitted(line, start, width()))


def _fitted(line: str, start: int, width: int) -> list[str]:
    """A line as one, or if it is too long, as several: its numbers, cut, and what is at `start`."""
    if len(line) <= width:
        return [line]
    numbers = line[:start].rstrip()
    if len(numbers) > width:
        numbers = f"{numbers[: width - 1]}…"
    changed = textwrap.wrap(
        line[start:], width, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False
    )
    return [numbers, *changed]


def text(value: object) -> str:
    """A value of a parameter, as tables show it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def aligned(rows: list[list[str]]) -> list[str]:
    """A line for each row; the columns between the first and the last end at the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *map(str.rjust, row[1:-1], widths[1:-1]), row[-1]]
        ).rstrip()
        for row in rows
    ]


@in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_commits(parser)
    head, experiments = read_runs(parser.parse_args().commits)
    print(table(head, experiments))
    remarks = [f"no metrics of its own: {line}" for line in left_out([head, *experiments])]
    for remark in [*remarks, *lost()]:
        print(textwrap.fill(remark, width(), subsequent_indent=INDENT))


if __name__ == "__main__":
    main()
