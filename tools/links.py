"""Writes the line numbers in links from documents to code: `python -m tools.links`.

Such a link names a function, a class, a method or a constant: [`Decoder`](../src/x.py#L1). A test
compares the committed documents with what this tool writes.
"""

import ast
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from src.base.errors import UserError, in_one_line
from src.base.files import write_whole

LINK = re.compile(r"\[`([\w.]+)`\]\(([^)#\s]+\.py)#L\d+\)")


def line_of(name: str, source: str) -> int | None:
    """The line where `name` begins in a module's source; None if the module does not have it.

    A method is named with its class: `Decoder.logits`.
    """
    scope: ast.AST = ast.parse(source)
    for part in name.split("."):
        matching = [node for node in ast.iter_child_nodes(scope) if part in _names(node)]
        if not matching:
            return None
        scope = matching[0]
    return scope.lineno  # type: ignore[attr-defined]


def _names(node: ast.AST) -> list[str]:
    """The names that a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [target.id for target in targets if isinstance(target, ast.Name)]
    return []


def rewritten(path: str, document: str, read: Callable[[str], str]) -> str:
    """The document at `path` with its line numbers written anew; `read` gives a file's text.

    Raises UserError if a module does not have the name in the link.
    """

    def link(match: re.Match[str]) -> str:
        name, target = match.groups()
        module = os.path.normpath(Path(path).parent / target)
        line = line_of(name, read(module))
        if line is None:
            raise UserError(f"{path}: {module} has no `{name}`; name what is there now")
        return f"[`{name}`]({target}#L{line})"

    return LINK.sub(link, document)


def main() -> None:
    listed = subprocess.run(["git", "ls-files", "*.md"], capture_output=True, text=True, check=True)
    with in_one_line():
        for path in listed.stdout.splitlines():
            old = Path(path).read_text(encoding="utf-8")
            new = rewritten(path, old, lambda name: Path(name).read_text(encoding="utf-8"))
            if new != old:
                write_whole(path, new.encode())
                print(f"{path}: line numbers written anew")


if __name__ == "__main__":
    main()
