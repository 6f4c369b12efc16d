"""dvc.yaml beside the code: a stage lists all that its result depends on, and nothing else.

The stages and models are taken from dvc.yaml; a folder is one of src, such as src/render.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from tools.small_project import PARAMS, ROOT, Project

STAGES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def module_of(stage: str) -> str:
    """NAME of the module stages/NAME.py that a stage runs."""
    command = re.fullmatch(r"python -m stages (\w+)( \S+)?", STAGES[stage]["cmd"])
    assert command, f"{stage} runs no module of stages/"
    return command[1]


SRC_FOLDERS = sorted(
    path.name for path in (ROOT / "src").iterdir() if (path / "__init__.py").exists()
)
STAGE_FOLDERS = sorted({module_of(stage) for stage in STAGES})


# What modules import


def modules_in(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, without what is read by type checkers alone."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from statements(child)


def imports(module: Path) -> set[Path]:
    """The files of the project that a module imports, anywhere in it."""
    names = set()
    for node in statements(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module.relative_to(ROOT).parts[: -node.level] if node.level else ()
            parent = ".".join([*package, *([node.module] if node.module else [])])
            names |= {parent, *(f"{parent}.{alias.name}" for alias in node.names)}
    paths = [ROOT / name.replace(".", "/") for name in names]
    files = [file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py")]
    return {file for file in files if file.is_file()}


def reached(modules: set[Path]) -> set[Path]:
    """Modules and all that they import, directly or not, without packages that hold no code."""
    files: set[Path] = set()
    new = modules
    while new:
        files |= new
        new = set().union(*(imports(file) for file in new)) - files
    return {file for file in files if len(ast.parse(file.read_text()).body) > 1}


def test_every_stage_has_a_folder() -> None:
    """The folder of a stage has the stage's name."""
    assert set(STAGE_FOLDERS) <= set(SRC_FOLDERS)


def test_folders_belong_to_their_stage() -> None:
    """No other stage and no shared folder imports the folder of a stage."""
    for name in STAGE_FOLDERS:
        inside = {*modules_in(f"src/{name}"), ROOT / f"stages/{name}.py"}
        others = {*modules_in("src"), *modules_in("stages")} - inside
        for module in others:
            assert not imports(module) & {*modules_in(f"src/{name}")}, module


@pytest.mark.parametrize("folder", ["src", "stages"])
def test_pipeline_imports_no_tool(folder: str) -> None:
    """Neither src nor the stages import what people run by hand; src imports no stage, nor DVC."""
    allowed = {"src", folder}
    for module in modules_in(folder):
        assert folder != "src" or not re.search(
            r"^\s*(import|from) dvc\b", module.read_text(), re.M
        )
        folders = {file.relative_to(ROOT).parts[0] for file in imports(module)}
        assert folders <= allowed, module


# What stages list


def listed(stage: str, *keys: str) -> list[str]:
    """The names that a stage lists under these keys of dvc.yaml."""
    entries = [entry for key in keys for entry in STAGES[stage].get(key, [])]
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def untracked(stage: str) -> list[str]:
    return STAGES[stage].get("meta", {}).get("untracked", [])


def covers(path: str, name: str) -> bool:
    """Whether a listed path is a name with * in it, or a folder above it."""
    parts = [re.escape(part).replace(r"\*", "[^/]+") for part in name.split("/")]
    is_name = re.fullmatch("/".join(parts), path)
    return is_name is not None or PurePosixPath(path) in PurePosixPath(name).parents


def files_named(module: Path) -> set[str]:
    """The files in data/ and reports/ that a module names, with * for what it fills in."""
    names = set()
    parts: set[ast.AST] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.JoinedStr):
            parts.update(node.values)
            constants = [isinstance(part, ast.Constant) and part.value for part in node.values]
            names.add("".join(constant or "*" for constant in constants))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            names.add(node.value)
    return {name for name in names if re.fullmatch(r"(data|reports)/[^\s:]+", name)}


def files_listed(stage: str) -> list[str]:
    names = listed(stage, "deps", "outs", "metrics", "plots")
    names = [re.sub(r"\$\{[\w.]+\}", "NAME", name) for name in names]
    # The guard reads these records, for every stage.
    record = f"data/environment/{stage}.json"
    return [name for name in names if name.startswith(("data/", "reports/")) and name != record]


def code_listed(stage: str) -> list[str]:
    return [name for name in listed(stage, "deps") if name.startswith(("src", "stages"))]


def modules_reached(stage: str) -> list[str]:
    files = reached({ROOT / "stages/__main__.py", ROOT / f"stages/{module_of(stage)}.py"})
    return sorted(file.relative_to(ROOT).as_posix() for file in files)


@pytest.mark.parametrize("stage", STAGES)
def test_stage_lists_all_its_code(stage: str) -> None:
    """Every module that a stage imports, directly or not, is one of its dependencies."""
    code = code_listed(stage)
    missing = [name for name in modules_reached(stage) if not any(covers(c, name) for c in code)]
    assert missing == [], f"dvc.yaml does not list the folder of {missing} for {stage}"


@pytest.mark.parametrize("stage", STAGES)
def test_stage_lists_no_other_code(stage: str) -> None:
    """Code that a stage does not import does not re-run it."""
    modules = modules_reached(stage)
    idle = [path for path in code_listed(stage) if not any(covers(path, m) for m in modules)]
    assert idle == [], f"dvc.yaml lists {idle} for {stage}, which imports nothing of it"


@pytest.mark.parametrize("stage", STAGES)
def test_stage_lists_all_its_files(stage: str) -> None:
    """A stage lists the files of data/ and reports/ that its code names."""
    files = files_listed(stage)
    named = files_named(ROOT / f"stages/{module_of(stage)}.py")
    missing = [name for name in named if not any(covers(file, name) for file in files)]
    assert missing == [], f"dvc.yaml does not list {missing} for {stage}"


@pytest.mark.parametrize("stage", STAGES)
def test_stage_lists_no_other_files(stage: str) -> None:
    """The code of a stage names the files of data/ and reports/ that the stage lists."""
    named = files_named(ROOT / f"stages/{module_of(stage)}.py")
    files = files_listed(stage)
    idle = [file for file in files if not any(covers(file, name) for name in named)]
    assert idle == [], f"dvc.yaml lists {idle} for {stage}, whose module names no such file"


def test_only_the_pipeline_is_listed() -> None:
    """Documents, tests, benchmarks and tools re-run nothing."""
    folders = {name.split("/")[0] for stage in STAGES for name in listed(stage, "deps")}
    assert folders <= {"src", "stages", "data", "reports", "requirements.txt", "constraints.txt"}


@pytest.mark.parametrize("stage", STAGES)
def test_stage_says_what_it_does(stage: str) -> None:
    """`dvc stage list` shows a sentence for each stage."""
    assert STAGES[stage].get("desc"), f"dvc.yaml has no `desc` for {stage}"


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "preflight"])
def test_stage_waits_for_preflight(stage: str) -> None:
    """Each stage depends on an output of `preflight`, which checks all parameters first."""
    record = f"data/environment/{stage}.json"
    for name, key in ((stage, "deps"), ("preflight", "outs")):
        assert record in listed(name, key), f"dvc.yaml has no {record} in the {key} of {name}"


# Parameters


def parameters(section: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in section.items():
        if isinstance(value, dict):
            yield from parameters(value, f"{prefix}{name}.")
        else:
            yield prefix + name


SECTIONS = {
    name: value for name, value in yaml.safe_load(PARAMS).items() if isinstance(value, dict)
}


@pytest.mark.parametrize("stage", STAGES)
def test_device_is_never_tracked(stage: str) -> None:
    """No stage tracks its `device`, and no name is one that DVC's run cache ignores."""
    names = {name.split(".")[-1] for name in listed(stage, "params")}
    assert names.isdisjoint({"device", "size", "nfiles"})


@pytest.mark.parametrize("stage", SECTIONS)
def test_stage_lists_its_section(stage: str) -> None:
    """A section is passed on as a whole: what is not listed would be ignored without a word."""
    assert stage in STAGES, f"dvc.yaml has no stage {stage}"
    section = {f"{stage}.{name}" for name in parameters(SECTIONS[stage])}
    declared = [*listed(stage, "params"), *untracked(stage)]
    missing = [n for n in section if not any(f"{n}.".startswith(f"{d}.") for d in declared)]
    assert missing == [], f"dvc.yaml does not list {missing} for {stage}"


@pytest.mark.parametrize("stage", [stage for stage in STAGES if module_of(stage) == "train"])
def test_page_shows_the_parameters_of_a_model(stage: str) -> None:
    """All that re-train it: `explore` knows only what dvc.yaml lists for it."""
    missing = {*listed(stage, "params")} - {*listed("explore", "params")}
    assert missing == set(), f"dvc.yaml does not list {missing} for explore"


@pytest.mark.parametrize("name", list(parameters(yaml.safe_load(PARAMS))))
def test_every_parameter_is_declared(name: str) -> None:
    """Each parameter is one of a stage, tracked or untracked, or one that `preflight` reads."""
    declared = [key for stage in STAGES for key in [*listed(stage, "params"), *untracked(stage)]]
    declared += re.findall(r"params\.(\w+)", (ROOT / "stages/preflight.py").read_text())
    assert any(f"{name}.".startswith(f"{key}.") for key in declared), f"no stage lists {name}"


# Packages


def pins(file: str) -> dict[str, str]:
    """The release of each package that a file of requirements pins exactly."""
    pattern = re.compile(r"^([\w.-]+)==(\S+)$", re.MULTILINE)
    pairs = pattern.findall((ROOT / file).read_text())
    return {name.lower().replace("_", "-"): release for name, release in pairs}


def test_every_requirement_is_pinned() -> None:
    """Each line of requirements.txt names one exact release."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith(("#", "-"))]
    assert len(pins("requirements.txt")) == len(packages)


def test_constraints_hold_the_requirements() -> None:
    """Both files name the same releases."""
    assert pins("requirements.txt").items() <= pins("constraints.txt").items()


def test_hooks_use_the_pinned_tools() -> None:
    """Commits are checked with the releases of requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = [hook for repo in repos for hook in repo["hooks"]]
    packages = [name for hook in hooks for name in hook.get("additional_dependencies", [])]
    assert packages
    assert set(packages) <= set(lines)


# What DVC sees in a folder

FOLDERS = ["src/models", "src/explore/page", "data/sets"]
CLUTTER = [
    ".x.py.swp",
    "x.py~",
    ".DS_Store",
    "#x.py#",
    ".#x.py",  # Emacs' lock: a link that leads nowhere
    ".ipynb_checkpoints/x-checkpoint.py",
    "__pycache__/x.cpython-311.pyc",
    "x.py.orig",
    "x.pyc",
    "notes.ipynb",
    "run.log",
]
SOURCES = [
    "src/models/x.py",
    "src/explore/page/x.js",
    "src/explore/page/x.css",
    "src/explore/page/x.html",
    "data/sets/x.yaml",
]


@pytest.fixture
def cluttered(project) -> Iterator[Project]:
    """The small project with every kind of clutter in each folder."""
    paths = [project.root / folder / name for folder in FOLDERS for name in CLUTTER]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        if path.name.startswith(".#"):
            path.symlink_to("user@host.1234")
        else:
            path.write_text("clutter")
    yield project
    for path in paths:
        path.unlink()
    project.dvc("exp", "remove", "--all-commits")  # other tests count experiments


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("status", "Data and pipelines are up to date."),
        ("repro", "Data and pipelines are up to date."),
        ("data status", "No changes."),
        ("commit --force", ""),
        ("exp run", "Ran experiment"),
    ],
)
def test_clutter_breaks_no_command(cluttered: Project, command: str, message: str) -> None:
    """DVC's commands run, and find nothing changed."""
    done = cluttered.dvc(*command.split())
    assert message in done.stdout
    assert "Running stage" not in done.stdout


@pytest.mark.parametrize("name", SOURCES)
def test_new_source_is_seen(project, name: str) -> None:
    """Whatever its language."""
    (project.root / name).write_text("content")
    changed = re.findall(r"modified: +(\S+)", project.dvc("status").stdout)
    assert changed
    assert all(name.startswith(f"{path}/") for path in changed)


@pytest.mark.parametrize("program", ["git", pytest.param("dvc", marks=pytest.mark.slow)])
def test_virtual_environments_are_ignored(program: str) -> None:
    """`dvc exp apply` would break the links and executables in one that git sees."""
    folders = [".venv", "venv", ".venv-3.12", "venv311", "env", ".env", "ENV", "virtualenv"]
    paths = [f"{folder}/bin/python" for folder in folders]
    command = [sys.executable, "-m", "dvc"] if program == "dvc" else ["git"]
    done = subprocess.run([*command, "check-ignore", *paths], cwd=ROOT, capture_output=True)
    assert done.stdout.decode().split() == paths
