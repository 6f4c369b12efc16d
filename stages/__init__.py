"""The stages: `python -m stages NAME`, in the root. This file runs before one is imported.

`src` is a package of the root and is never installed: an installed copy would run the workspace's
code in the temporary folders where DVC runs queued experiments.
"""

import hashlib
import sys
from importlib.machinery import FileFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, TracebackType

ROOT = Path(__file__).resolve().parent.parent
COMPILED: dict[str, str] = {}  # SHA-256 of each source file of the project that was imported


class _SourceLoader(SourceFileLoader):
    """Compiles modules from their sources, and notes the sources' checksums.

    Python would take a cached .pyc file whose source has the same second and length.
    """

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path)
        COMPILED[self.path] = hashlib.sha256(source).hexdigest()
        return self.source_to_code(source, self.path)


def _finder(folder: str) -> FileFinder:
    """Python's finder of modules, for the folders of the project's code alone."""
    path = Path(folder).resolve()
    if not any(path.is_relative_to(ROOT / name) for name in ("src", "stages")):
        raise ImportError("not a folder of the project's code")
    return FileFinder(folder, (_SourceLoader, [".py"]))


def _end_quietly(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Report Ctrl-C in one line, even in the seconds that it takes to import torch."""
    if issubclass(kind, KeyboardInterrupt):
        print(
            "interrupted: the next `dvc repro` goes on, a training after its last finished epoch",
            file=sys.stderr,
        )
    else:
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = _end_quietly
sys.path_hooks.insert(0, _finder)
for folder in (ROOT / "src", ROOT / "stages"):
    sys.path_importer_cache.pop(str(folder), None)  # a finder from before this one
