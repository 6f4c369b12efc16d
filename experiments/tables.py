"""Writes the tables of numbers in README.md and docs/ from the committed results: `python -m experiments.tables`.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; a test holds what is committed against its results.
"""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

Read = Callable[[str], str]  # the text of a file of the project


def losses(read: Read) -> str:
    """The loss of the first and of the last epoch beside the published one."""
    published = pd.read_csv(io.StringIO(read("data/published_losses.csv")))
    lines = [
        "| training loss, summed over 60,000 images | the tutorial | here | difference |",
        "| --- | --- | --- | --- |",
    ]
    for model in published.columns.drop("epoch"):
        own = pd.read_csv(io.StringIO(read(f"reports/{model}/loss.csv")))["loss"]
        for epoch, name in ((0, "first epoch"), (len(published) - 1, f"last of {len(published)} epochs")):
            theirs, ours = published[model][epoch], own[epoch]
            lines.append(f"| {model.upper()}, {name} | {theirs:,.0f} | {ours:,.0f} | {ours / theirs - 1:+.1%} |")
    return "\n".join(lines)


TABLES = {"losses": losses}


def rewritten(document: str, read: Read) -> str:
    """A document with its tables written anew."""
    pattern = re.compile(r"(<!-- table: (\w+) -->\n\n).*?(\n\n<!-- end -->)", re.DOTALL)
    return pattern.sub(lambda match: match[1] + TABLES[match[2]](read) + match[3], document)


def main() -> None:
    for path in (Path("README.md"), *sorted(Path("docs").glob("*.md"))):
        old = path.read_text(encoding="utf-8")
        new = rewritten(old, lambda name: Path(name).read_text(encoding="utf-8"))
        if new != old:
            path.write_text(new, encoding="utf-8")
            print(f"{path}: tables written anew")


if __name__ == "__main__":
    main()
