"""docs/questions.md beside the tables that it speaks of, and these beside their pictures.

Documents and tables are read from the last commit, as in tests/test_documents.py.
"""

import json
import posixpath
import re
import subprocess
import sys
import tomllib
from collections import Counter
from typing import NamedTuple

import pytest
import yaml

from experiments.runs import changes_results, flat
from experiments.sweep.grid import grid
from src.arithmetic.pins import has_avx2
from tests.test_documents import OTHERS, REASON, committed
from tools import studies
from tools.small_project import ROOT, Project

PAGE = committed("docs/questions.md")
QUESTIONS = dict(re.findall(r"^## (\d+)\. .*\n\n((?:(?!## ).*\n)+)", PAGE, re.MULTILINE))
SWEEPS = re.findall(r"^    python -m experiments.sweep (.*)$", PAGE, re.MULTILINE)
CODE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(not has_avx2(), reason="other processors may draw other last digits")
@pytest.mark.parametrize("name", studies.PICTURES)
def test_pictures_are_drawn_from_the_tables(name: str) -> None:
    """Drawing a committed picture again, from the committed tables, gives its bytes."""
    drawn = subprocess.run(
        ["git", "show", f"HEAD:docs/{name}.png"], cwd=ROOT, capture_output=True, check=True
    )
    assert studies.picture(name, committed) == drawn.stdout


class Numbers(NamedTuple):
    """What an answer may say: numbers, shares of one, and means with their standard deviations."""

    all: list[float]
    shares: list[float]
    means: list[tuple[float, float]]


def linked(answer: str) -> Numbers:
    """The numbers of the tables and of the metrics that an answer links to."""
    numbers = Numbers([], [], [])
    for target in re.findall(r"\]\(([\w./]+\.(?:csv|json))\)", answer):
        content = committed(posixpath.normpath(f"docs/{target}"))
        if target.endswith(".json"):
            numbers.all.extend(json.loads(content).values())
            continue
        table = studies.read_table(target.removesuffix(".csv"), lambda _, text=content: text)
        for name in table.select_dtypes("number"):
            numbers.all.extend(table[name])
            if re.search("accuracy$|precision|recall", name):
                numbers.shares.extend(table[name])
            if f"{name}.std" in table:
                numbers.means.extend(zip(table[name], table[f"{name}.std"], strict=True))
    return numbers


def is_rounded(shown: str, value: float) -> bool:
    return abs(value - float(shown)) <= 0.5 * 10 ** -len(shown.partition(".")[2]) + 1e-9


def test_there_are_twenty_questions() -> None:
    """Each has a number, in order."""
    assert [*QUESTIONS] == [str(number) for number in range(1, 21)]


@pytest.mark.parametrize("number", QUESTIONS)
def test_numbers_of_answers_are_in_their_tables(number: str) -> None:
    """Each decimal number and each percentage of an answer, outside of code, is a rounded entry.

    A number after a tilde was computed from others.
    """
    if OTHERS and ".json" in QUESTIONS[number]:
        pytest.skip(REASON)
    numbers = linked(QUESTIONS[number])
    answer = re.sub(r"```.*?```|`[^`]*`|\[[^\]]*\]\([^)]*\)", "", QUESTIONS[number], flags=re.S)
    pattern = r"(?<![\w.~\u2212])(\d+\.\d+|\d+(?= %))(?:(\s%)|\s±\s(\d+\.\d+))?"
    for mean, percent, std in re.findall(pattern, answer):
        if std:
            is_there = any(is_rounded(mean, m) and is_rounded(std, s) for m, s in numbers.means)
        elif percent:
            is_there = any(is_rounded(mean, 100 * share) for share in numbers.shares)
        else:
            is_there = any(is_rounded(mean, value) for value in numbers.all)
        assert is_there, f"{mean}{percent or ' ± '}{std} is in no table"


@pytest.mark.skipif(bool(OTHERS), reason=REASON)
def test_tables_hold_what_the_sweeps_make() -> None:
    """Each row is the mean of as many experiments as the sweeps of the page have of its kind."""
    defaults = dict(flat(yaml.safe_load(committed("params.yaml"))))
    overrides = [arguments.replace("'", "").split() for arguments in SWEEPS]
    sets = [
        defaults | {key: yaml.safe_load(value) for key, value in (o.split("=") for o in one)}
        for arguments in overrides
        for one in grid([each for each in arguments if "=" in each])
    ]
    distinct = list({tuple(sorted(each.items())): each for each in sets}.values())
    for name, (parameters, where, *_) in studies.STUDIES.items():
        allowed = {
            key: (value,)
            for key, value in defaults.items()
            if changes_results(key) and key not in (*parameters, "seed")
        } | where
        made = Counter(
            tuple(each[key] for key in parameters)
            for each in distinct
            if all(each[key] in values for key, values in allowed.items())
        )
        if name == "learning_rates":  # the trainings that stop, as the page says
            made -= Counter({(0.1,): 1, (1,): 3})
        table = studies.read_table(name, committed)
        rows = zip(table[parameters].itertuples(index=False, name=None), table["n"], strict=True)
        assert dict(rows) == dict(made), name


def test_addresses_of_the_page_name_steps_of_its_course() -> None:
    """A step that is gone would leave the reader at the beginning."""
    steps = tomllib.loads(committed("src/explore/page/course.toml"))
    named = re.findall(r"explorer\.html#step=([\w-]+)", PAGE)
    assert len(named) > 5
    assert {*named} <= {*steps}


def test_tables_are_made_of_experiments(project: Project) -> None:
    """They say of which commit and parameters they are, and order the KL divergences by size."""
    for beta in (2, 4):
        name = f"beta-{beta}"
        project.dvc("exp", "run", "--name", name, "-S", f"train_vae.beta={beta}", "evaluate")
    code = """
from experiments.runs import read_runs
from tools import studies

few = studies.Study(["train_vae.beta"], {"epochs": (2,)}, (), ("test_kl",), 2)
studies.STUDIES = {"few": few}
print(studies.collect("few", *read_runs()).decode())
"""
    made = project.run(sys.executable, "-c", code).stdout
    project.dvc("exp", "remove", "beta-2", "beta-4")
    commit = project.run("git", "rev-parse", "HEAD").stdout.strip()
    first, second, *_ = made.splitlines()
    assert first == f"# few, at commit {commit}"
    assert "epochs=2 " in second
    assert "train_vae.beta=" not in second
    table = studies.read_table("few", lambda _: made)
    assert table["train_vae.beta"].tolist() == [2, 4]
    assert (table["vae.kl_1"] >= table["vae.kl_2"]).all()
    total = table["vae.kl_1"] + table["vae.kl_2"]
    assert total.tolist() == pytest.approx(table["vae.test_kl"].tolist(), rel=1e-3)


def test_a_digit_is_drawn(reproduced: Project) -> None:
    """The code of the last question runs as it is written."""
    (code,) = CODE
    output = reproduced.run(sys.executable, "-c", code).stdout
    assert re.fullmatch(r"\d+\.\d% of the draws are taken for a 7\n", output)
