"""How every stage begins and ends, whatever else is going on in the same clone; errors of users end in one line."""

import functools
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage import Stage

from src.errors import UserError
from src.files import write_whole
from stages import STARTED


@functools.cache
def _repo() -> Repo:
    return Repo(uninitialized=True, _wait_for_lock=True)  # as with `dvc --wait-for-lock`


def lock() -> AbstractContextManager:
    """DVC's lock on this clone, to hold while a file that git tracks is read or written.

    An experiment that starts in the same clone puts all uncommitted changes aside for a moment, params.yaml and
    the tables of a running stage among them. It holds this lock until they are back.
    """
    return _repo().lock


def run(main: Callable[..., dict[str, bytes] | None], unfinished: str | None = None) -> None:
    """Call `main` with the command line's arguments, write what it returns, {path: content}, and end the process.

    Nothing is written if what DVC is about to record as the stage's inputs is no longer what `main` has read.
    `unfinished` is a file that is needed no more once the stage has succeeded.
    """
    try:
        stage = _running_stage()
        inputs = _inputs(stage)
        outputs = main(*sys.argv[1:]) or {}
        lock().lock()  # held until the process is gone: `dvc checkout` would put back the outputs of the last run
        changed = [name for name, found in _hashes(stage).items() if found != inputs[name]]
        if changed:
            raise UserError(
                f"{', '.join(changed)} changed while this stage was running, so it has written nothing; put back what "
                "should not have changed and run `dvc repro` again: it repeats no epoch that is finished"
            )
        for path, content in outputs.items():
            write_whole(path, content)
        if unfinished:
            Path(unfinished).unlink(missing_ok=True)
    except (UserError, DvcException, OSError) as error:  # the system's errors name their file
        sys.exit(f"error: {error}")
    _end()


def _running_stage() -> Stage | None:
    """The stage that DVC is running; None if called by hand, when nothing is recorded."""
    name = os.environ.get("DVC_STAGE")
    if name is None:
        return None
    with lock():
        return _repo().stage.load_one(name=name.rpartition(":")[2])  # before the colon: the way to dvc.yaml


def _inputs(stage: Stage | None) -> dict[str, object]:
    """The stage's dependencies, with code that is the loaded one and parameters that have passed the gate."""
    with lock():
        found = _hashes(stage)
        code = [path for path in found if path.endswith(".py")]
        newer = [path for path in code if STARTED < os.stat(path).st_mtime <= time.time()]
        gate = _repo().stage.load_one(name="preflight") if "data/environment.json" in found else None
        unchecked = gate and any(dep.status() for dep in gate.deps if str(dep) == "params.yaml")
    if newer:  # an experiment may have put them aside, and back, while they were being loaded
        print(f"{', '.join(newer)} changed while this stage was being loaded: loading it again", flush=True)
        os.execv(sys.executable, sys.orig_argv)
    if unchecked:
        raise UserError(
            "params.yaml has changed since the stage preflight checked it; look at `git diff params.yaml`, "
            "then run `dvc repro`"
        )
    return found


def _hashes(stage: Stage | None) -> dict[str, object]:
    """The dependencies as DVC would record them now: the hashes of files, the values of parameters."""
    return {str(dep): dep.get_hash() if dep.exists else None for dep in stage.deps} if stage else {}


def _end() -> None:
    """End the process at once: torch takes half a second to tidy up, long enough for others to take the lock."""
    if _repo().config["core"].get("hardlink_lock"):  # a lock of this kind outlives its process
        lock().unlock()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
