"""dvc.yaml against the code: each stage lists the rooms and paths that it reaches; nothing else re-runs it."""

import ast
import re
from pathlib import PurePath

import pytest
import yaml

from tests.small_project import PARAMS, ROOT

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]
# Rooms that nothing but the stages named here may depend on: a change there re-runs these and what follows from them.
OWN_ROOMS = {
    "src/preflight": {"preflight"},
    "src/download": {"download"},
    "src/train": {"train_ae", "train_vae"},
    "src/evaluate": {"evaluate"},
    "src/latent": {"evaluate", "render", "explore"},
    "src/render": {"render"},
    "src/explore": {"explore"},
}


def module_of(stage: str):
    name = re.fullmatch(r"python -m stages\.(\w+)( \S+)?", STAGES[stage]["cmd"])[1]
    return ROOT / f"stages/{name}.py"


def imported(path) -> set:
    """The project's own modules that a module imports, wherever in it, but for a package with no code."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    files = {
        ROOT / (name.replace(".", "/") + end) for name in names for end in (".py", "/__init__.py")
    }
    return {file for file in files if file.is_file() and len(ast.parse(file.read_text()).body) > 1}


def reached(path) -> set[str]:
    """A module and all that it imports, directly or not, as paths from the root."""
    found, new = set(), {path}
    while new:
        found |= new
        new = set().union(*map(imported, new)) - found
    return {path.relative_to(ROOT).as_posix() for path in found}


def files_named(path) -> set[str]:
    """The files under data/ and reports/ that a stage names, with * for what it fills in."""
    found, parts = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            found.add(
                "".join(
                    part.value if isinstance(part, ast.Constant) else "*" for part in node.values
                )
            )
            parts.update(node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            found.add(node.value)
    return {name for name in found if re.fullmatch(r"(data|reports)/[^\s:]+", name)}


def listed(stage: str, *keys: str) -> list[str]:
    entries = [entry for key in keys for entry in STAGES[stage].get(key, [])]
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def covers(listed: str, named: str) -> bool:
    """Whether a path that a stage lists is one that its code names, or a folder above it."""
    pattern = "/".join(
        ".*" if part == "*" else re.escape(part).replace(r"\*", "[^/]+")
        for part in named.split("/")
    )
    return re.fullmatch(pattern, listed) is not None or PurePath(listed) in PurePath(named).parents


@pytest.mark.parametrize("stage", STAGES)
def test_every_module_that_a_stage_reaches_lies_in_one_of_its_dependencies_and_each_of_these_is_reached(
    stage,
):
    modules = reached(module_of(stage))
    rooms = [name for name in listed(stage, "deps") if name.startswith(("src", "stages"))]
    lost = {module for module in modules if not any(covers(room, module) for room in rooms)}
    idle = {room for room in rooms if not any(covers(room, module) for module in modules)}
    assert (lost, idle) == (set(), set())
    assert all((ROOT / room).exists() for room in rooms)


@pytest.mark.parametrize("room", OWN_ROOMS)
def test_a_change_in_a_room_re_runs_only_the_stages_that_it_is_for(room):
    depending = {
        stage
        for stage in STAGES
        if any(covers(dep, f"{room}/x.py") for dep in listed(stage, "deps"))
    }
    assert depending == OWN_ROOMS[room]


def test_documents_tests_benchmarks_and_tools_run_by_hand_re_run_nothing():
    rooms = {name.split("/")[0] for stage in STAGES for name in listed(stage, "deps")}
    assert rooms <= {"src", "stages", "data", "reports", "requirements.txt", "constraints.txt"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_every_file_that_it_names_and_names_every_one_that_it_lists(stage):
    named = files_named(module_of(stage))
    files = [
        re.sub(r"\$\{[\w.]+\}", "NAME", name)
        for name in listed(stage, "deps", "outs", "metrics", "plots")
    ]
    files = [name for name in files if name.startswith(("data/", "reports/"))]
    assert not {name for name in named if not any(covers(file, name) for file in files)}
    assert not {file for file in files if not any(covers(file, name) for name in named)}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_says_what_it_does_and_the_gate_is_before_all_that_reads_a_tracked_parameter(stage):
    assert STAGES[stage]["desc"]
    if listed(stage, "params"):
        assert "data/environment.json" in listed(stage, "params") or stage == "preflight"


def test_no_device_and_no_name_that_the_run_cache_ignores_is_tracked():
    tracked = {name for stage in STAGES for name in listed(stage, "params")}
    assert not {name for name in tracked if name.split(".")[-1] in ("device", "size", "nfiles")}


def test_every_parameter_is_tracked_or_untracked_by_a_stage():
    def keys(section: dict, prefix: str = ""):
        for name, value in section.items():
            yield from (
                keys(value, f"{prefix}{name}.") if isinstance(value, dict) else [prefix + name]
            )

    declared = {name for stage in STAGES for name in listed(stage, "params")}
    declared |= {
        name for stage in STAGES for name in STAGES[stage].get("meta", {}).get("untracked", [])
    }
    assert not [
        key
        for key in keys(yaml.safe_load(PARAMS))
        if not any(f"{key}.".startswith(f"{d}.") for d in declared)
    ]


def test_the_exact_pins_of_the_requirements_are_those_of_the_constraints():
    pattern = re.compile(r"^([\w.-]+)==(\S+)$", re.MULTILINE)
    required, constrained = (
        {
            name.lower().replace("_", "-"): version
            for name, version in pattern.findall((ROOT / file).read_text())
        }
        for file in ("requirements.txt", "constraints.txt")
    )
    lines = [
        line
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line and line[0] not in "#-"
    ]
    assert len(required) == len(lines)
    assert required.items() <= constrained.items()


def test_commits_are_checked_with_the_pinned_ruff():
    pin = re.search(r"^ruff==\S+$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[0]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [hook["additional_dependencies"] for hook in hooks] == [[pin]] * 2
