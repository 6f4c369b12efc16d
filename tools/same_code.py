"""Records mended comments and docstrings in dvc.lock without a run: `python -m tools.same_code`.

Finds the newest commit whose files have the hashes of dvc.lock. If only comments and docstrings of
Python files differ from it, DVC records the new hashes; otherwise nothing is changed.
"""

import ast
import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo

from src.base.errors import UserError, in_one_line

RUN = "run `dvc repro`"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def changed_code(repo: Repo) -> set[str]:
    """The dependencies whose recorded hashes are out of date, all of them files in git.

    Raises UserError if anything else is not what dvc.lock says: a parameter, an output, a command.
    """
    code: set[str] = set()
    for stage, changes in repo.status().items():
        for change in changes:
            deps = change.get("changed deps") if isinstance(change, dict) else None
            if not deps or any(kind != "modified" for kind in deps.values()):
                raise UserError(f"{stage}: {_words(change)} differs from dvc.lock; {RUN}")
            code |= set(deps)
    outputs = {str(out) for stage in repo.index.stages for out in stage.outs}
    if code & outputs:
        raise UserError(f"{', '.join(sorted(code & outputs))} differs from dvc.lock; {RUN}")
    return code


def _words(change: Any) -> str:
    """What `dvc status` says of a stage: the names of what has changed, or that its command has."""
    if isinstance(change, str):
        return change
    return ", ".join(name for names in change.values() for name in names)


def recorded_commit(repo: Repo, code: set[str]) -> str:
    """The newest commit whose files have the hashes of dvc.lock; raises UserError without one."""
    recorded = set(_hashes(repo, code, recorded=True))
    for commit in _git("log", "--format=%H", "--", *sorted(code)).split():
        with repo.switch(commit):
            if recorded == set(_hashes(repo, code)):
                return commit
    raise UserError(f"no commit has {', '.join(sorted(code))} as recorded in dvc.lock; {RUN}")


def _hashes(repo: Repo, code: set[str], recorded: bool = False) -> Iterator[tuple[str, Any]]:
    """Each path with its hash, of the files or as recorded."""
    for stage in repo.index.stages:
        for dep in stage.deps:
            if str(dep) in code:
                yield str(dep), (dep.hash_info if recorded else dep.get_hash()).value


def refuse_other_meaning(commit: str, code: set[str]) -> None:
    """Raise UserError for files whose content differs by more than comments and docstrings."""
    paths = sorted(code)
    before = set(_git("ls-tree", "-r", "--name-only", commit, "--", *paths).splitlines())
    after = set(_git("ls-files", "-co", "--exclude-standard", "--", *paths).splitlines())
    other = before ^ after
    for path in before & after:
        if _meaning(path, _git("show", f"{commit}:./{path}")) != _meaning(path, _text(path)):
            other.add(path)
    if other:
        raise UserError(f"{', '.join(sorted(other))} differs from commit {commit[:7]}; {RUN}")


def _meaning(path: str, text: str) -> str:
    """What is compared of a file: of Python, all but comments and docstrings that no code reads."""
    if not path.endswith(".py") or "__doc__" in text:
        return text
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8") if Path(path).is_file() else ""


def _git(*command: str) -> str:
    done = subprocess.run(["git", *command], capture_output=True, encoding="utf-8")
    if done.returncode:
        raise UserError(f"`git {command[0]}`: {done.stderr}")
    return done.stdout


@in_one_line(DvcException)
def main() -> None:
    with contextlib.closing(Repo()) as repo:
        code = changed_code(repo)
        if code:
            commit = recorded_commit(repo, code)
            refuse_other_meaning(commit, code)
            repo.commit(force=True)
            print(f"dvc.lock: {', '.join(sorted(code))} as now, same code as in {commit[:7]}")
        else:
            print("dvc.lock is up to date")


if __name__ == "__main__":
    main()
