"""Lists the last commit and its experiments, within 100 columns: `python -m experiments.show`.

Each has a line with what it changes and its main metrics. If it has no metrics of its own, it has
`failed`, `running`, `queued` or `stale` instead, and a line below the list says why. `dvc exp show`
has all columns, over 1,000 wide.
"""

import textwrap

from experiments.runs import Run, left_out, read_runs
from src.base.errors import in_one_line

WIDTH = 100
MAIN = (".test_sse", ".test_neg_elbo", ".test_neg_elbo_bce")  # the metrics in the list


def table(head: Run, experiments: list[Run]) -> str:
    """A line for each run, none longer than WIDTH characters."""
    runs = [head, *experiments]
    columns = sorted({name for run in runs for name in run.metrics if name.endswith(MAIN)})
    rows = [["experiment", *columns, "changed"]]
    for run in runs:
        numbers = [f"{run.metrics[name]:.2f}" if name in run.metrics else "-" for name in columns]
        if run.state != "done":
            numbers = [run.state if name == columns[0] else "" for name in columns]
        changes = {name: v for name, v in run.params.items() if v != head.params.get(name)}
        rows.append([run.name, *numbers, " ".join(f"{k}={text(v)}" for k, v in changes.items())])
    lines = aligned(rows)
    return "\n".join(line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in lines)


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


def main() -> None:
    with in_one_line():
        head, experiments = read_runs()
    print(table(head, experiments))
    for line in left_out([head, *experiments]):
        print(textwrap.fill(f"no metrics of its own: {line}", WIDTH, subsequent_indent="  "))


if __name__ == "__main__":
    main()
