"""dvc.yaml against the code: each stage lists the modules, parameters and paths that it reaches, and no others."""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]
# The gate checks params.yaml as a whole, and where MNIST comes from is no part of what it is.
READS_UNTRACKED = {"preflight", "download"}


def module_of(stage: str) -> Path:
    command = STAGES[stage]["cmd"]
    name = re.fullmatch(r"python -m stages\.(\w+)( \${item\.model})?", command)[1]
    return ROOT / f"stages/{name}.py"


def imported(path: Path) -> set[Path]:
    """The project's own modules that a module imports, wherever in it, but for a package with no code."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    files = {ROOT / (name.replace(".", "/") + end) for name in names for end in (".py", "/__init__.py")}
    return {file for file in files if file.is_file() and len(ast.parse(file.read_text()).body) > 1}


def reached(path: Path) -> set[Path]:
    """A module and all that it imports, directly or not."""
    found, new = set(), {path}
    while new:
        found |= new
        new = set().union(*map(imported, new)) - found
    return found


def parameters(path: Path) -> set[str]:
    """The chains of names behind `params` in a stage: `params.render.gif_steps` is `render.gif_steps`."""
    tree = ast.parse(path.read_text())
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "params" and isinstance(node.ctx, ast.Load):
            chain = []
            while isinstance(parent := parents[node], ast.Attribute):
                chain.append(parent.attr)
                node = parent
            assert chain, f"{path}, line {node.lineno}: `params` as a whole hides which parameters are read"
            found.add(".".join(chain))
    return found


def paths(path: Path) -> set[str]:
    """The paths under data/ and reports/ that a stage names, with * for what it fills in."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            found.add("".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    named = {name for name in found if re.fullmatch(r"(data|reports)/[^\s:]+\.\w+|data/MNIST/raw", name)}
    return {name for name in named if not name.startswith("data/unfinished/")}  # what an interruption leaves


def listed(stage: str, key: str) -> list[str]:
    entries = STAGES[stage].get(key, [])
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def listed_files(stage: str) -> list[str]:
    return [name for key in ("deps", "outs", "metrics", "plots") for name in listed(stage, key)]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_every_module_that_it_reaches_and_no_other(stage):
    modules = {str(path.relative_to(ROOT)) for path in reached(module_of(stage))}
    assert {name for name in listed(stage, "deps") if name.endswith(".py")} == modules


@pytest.mark.parametrize("stage", sorted(set(STAGES) - READS_UNTRACKED))
def test_a_stage_lists_every_parameter_that_it_reads_but_its_device(stage):
    read = {name for name in parameters(module_of(stage)) if not name.endswith(".device")}
    tracked = [name.removesuffix(".${item.model}") for name in listed(stage, "params")]
    assert sorted(tracked) == sorted(read)


@pytest.mark.parametrize("stage", sorted(READS_UNTRACKED))
def test_the_gate_and_the_download_track_no_parameter(stage):
    assert not listed(stage, "params")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_every_file_that_it_names(stage):
    both = {name.replace("${item.model}", "*") for name in listed_files(stage)}
    # The overview names the pictures of both models with one pattern.
    both |= {re.sub(r"/(ae|vae)/[\w.]+png$", "/*/*", re.sub(r"/(ae|vae)/loss", "/*/loss", name)) for name in both}
    assert paths(module_of(stage)) <= both


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_says_what_it_does_and_waits_for_the_gate(stage):
    assert STAGES[stage]["desc"]
    assert ("data/environment.json" in listed(stage, "deps")) == (stage not in READS_UNTRACKED)


def test_no_device_and_no_name_that_the_run_cache_ignores_is_tracked():
    tracked = {name for stage in STAGES for name in listed(stage, "params")}
    assert not {name for name in tracked if name.split(".")[-1] in ("device", "size", "nfiles")}


def test_the_exact_pins_of_the_requirements_are_those_of_the_constraints():
    pattern = re.compile(r"^([\w.-]+)==(\S+)$", re.MULTILINE)
    required, constrained = (
        {name.lower().replace("_", "-"): version for name, version in pattern.findall((ROOT / file).read_text())}
        for file in ("requirements.txt", "constraints.txt")
    )
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0] not in "#-"]
    assert len(required) == len(lines)
    assert required.items() <= constrained.items()


def test_commits_are_checked_with_the_pinned_ruff():
    pin = re.search(r"^ruff==\S+$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[0]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [hook["additional_dependencies"] for hook in hooks] == [[pin]] * 2
