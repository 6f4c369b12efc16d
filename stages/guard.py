"""How every stage begins and ends: it is given what DVC records as its inputs, and writes nothing if those changed.

Other commands may work in the same clone meanwhile: an editor, git, an experiment of DVC that puts all uncommitted
changes aside for a moment. What each precaution is for stands where it is taken.
"""

import functools
import gc
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.output import Output
from dvc.repo import Repo
from dvc.stage import Stage
from dvc.stage.exceptions import StageNotFound

from src.base.environment import versions
from src.base.errors import UserError, in_one_line
from src.base.files import loaded_code, write_whole
from stages import STARTED

ENVIRONMENT = "data/environment.json"
UNFINISHED = Path("data/unfinished")  # a stage may keep its state in STAGE.pt, to go on from


class Parameters(dict):
    """Parameters with dots for sections: `params.train_vae.beta`. Holds those alone that the stage declares."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(
                f"{name!r} is read as a parameter, but dvc.yaml does not list it"
            ) from None


def run(main: Callable[..., dict[str, bytes] | None]) -> None:
    """Call `main` with the stage's parameters and the command line's arguments; write what it returns.

    The parameters are those that dvc.yaml lists under `params`, which re-run the stage, and under `meta: untracked`,
    which do not. `main` returns {path: content}. Faults of users end the process with one line and exit code 1.
    """
    gc.freeze()  # what was loaded while it was off is here to stay: never looked through
    gc.enable()
    with in_one_line(DvcException):
        # Without the lock an experiment could swap params.yaml between the hashes and the values that are read.
        with _repo().lock:
            stage = _stage()
            inputs, params = _hashes(stage), _parameters(stage)
            _refuse_unchecked(stage)
            _remove_finished_states(stage)
        outputs = main(params, *sys.argv[1:]) or {}
        # Without the lock `dvc checkout` could replace an output between this check and the end of the process.
        with _repo().lock:
            # Without this check DVC would record the results under inputs that they were not computed from.
            changed = [name for name, found in _hashes(stage).items() if found != inputs[name]]
            if changed:
                raise UserError(
                    f"{', '.join(changed)} changed while this stage was running, so its results are not kept; put back "
                    "what should not have changed and run `dvc repro` again: it repeats no epoch that is finished"
                )
            for path, content in outputs.items():
                write_whole(path, content)
            _write_receipt(stage, outputs)
            _end()


def read_tracked(path: str) -> bytes:
    """The content of a file that git tracks; without the lock it could be HEAD's for a moment, for an experiment."""
    with _repo().lock:
        return Path(path).read_bytes()


def write_tracked(path: str, content: bytes) -> None:
    """Write a file that git tracks; without the lock an experiment could put back what was there before."""
    with _repo().lock:
        write_whole(path, content)


@functools.cache
def _repo() -> Repo:
    return Repo(uninitialized=True, _wait_for_lock=True)  # as with `dvc --wait-for-lock`


def _stage() -> Stage:
    """The stage that DVC is running; by hand, the one with this command."""
    name = os.environ.get("DVC_STAGE")
    if name:
        return _repo().stage.load_one(
            name=name.rpartition(":")[2]
        )  # before the colon: the way to dvc.yaml
    module = sys.modules["__main__"].__spec__.name
    command = " ".join(["python", "-m", module, *sys.argv[1:]])
    stages = {stage.cmd: stage for stage in _repo().index.stages}
    if command not in stages:
        near = [f"`{known}`" for known in stages if f"{known} ".startswith(f"python -m {module} ")]
        raise UserError(
            f"no stage of dvc.yaml runs `{command}`; it has {' and '.join(near) or 'none of that module'}"
        )
    return stages[command]


def _hashes(stage: Stage) -> dict[str, object]:
    """The dependencies as DVC would record them now: the hashes of files, the values of parameters."""
    return {_path(dep): dep.get_hash() if dep.exists else None for dep in stage.deps}


def _parameters(stage: Stage) -> Parameters:
    """The parameters that the stage declares, tracked and untracked, as DVC reads them."""
    tracked = [
        dep
        for dep in stage.deps
        if isinstance(dep, ParamsDependency) and _path(dep) == "params.yaml"
    ]
    untracked = ParamsDependency(stage, None, (stage.meta or {}).get("untracked", ()))
    found = Parameters()
    for dependency in [*tracked, *([untracked] if untracked.params else [])]:
        for key, value in dependency.read_params().items():
            *sections, name = key.split(".")
            section = found
            for part in sections:
                section = section.setdefault(part, Parameters())
            section[name] = _dotted(value)
    return found


def _dotted(value: Any) -> Any:
    return (
        Parameters({key: _dotted(part) for key, part in value.items()})
        if isinstance(value, dict)
        else value
    )


def _path(output: Output) -> str:
    """The path of a dependency or an output, with slashes on Windows too."""
    return PurePath(str(output)).as_posix()


def _refuse_unchecked(stage: Stage) -> None:
    """Refuse code, parameters and packages that are not those which DVC is about to record."""
    # Without this, code that was swapped while Python imported it would give results under the other code's hash.
    newer = [
        str(path.relative_to(Path.cwd()))
        for path in loaded_code()
        if STARTED < path.stat().st_mtime <= time.time()
    ]
    if newer:
        raise UserError(
            f"{', '.join(newer)} changed while this stage was being loaded; run `dvc repro` again"
        )
    noted = next((dep for dep in stage.deps if _path(dep) == ENVIRONMENT), None)
    if noted is None:
        return
    # Without this, `dvc repro --single-item` and a change during a run would pass the gate by.
    gate = _repo().stage.load_one(name="preflight")
    if any(dep.status() for dep in gate.deps if _path(dep) == "params.yaml"):
        raise UserError(
            "params.yaml has changed since the stage preflight checked it; look at `git diff params.yaml`, "
            "then run `dvc repro`"
        )
    # Without this, results of other releases than the recorded ones would be kept under the recorded ones' names.
    installed = versions()
    other = [f"{name} {installed[name]}, not {release}" for name, release in noted.read_params().items()
             if installed[name] != release]  # fmt: skip
    if other:
        raise UserError(
            f"installed is {' and '.join(other)} as {ENVIRONMENT} says; install the pinned releases with "
            "`pip install -r requirements.txt`, or note these with `dvc repro --force preflight`"
        )


def _remove_finished_states(stage: Stage) -> None:
    """Remove the states of stages whose results, by their receipts, DVC has in its records and in its cache.

    Removed any earlier, a result that DVC then fails to cache, on a full disk, would be lost with its state.
    """
    for receipt in UNFINISHED.glob("*.json"):
        results = json.loads(receipt.read_text())
        try:
            outs = _repo().stage.load_one(name=receipt.stem).outs
        except StageNotFound:  # of a branch with more stages
            continue
        recorded = all(
            out.hash_info and results.get(_path(out)) == out.hash_info.value for out in outs
        )
        if recorded and not any(out.use_cache and out.changed_cache() for out in outs):
            receipt.with_suffix(".pt").unlink(missing_ok=True)
            receipt.unlink()
    (UNFINISHED / f"{stage.name}.json").unlink(
        missing_ok=True
    )  # this stage's state will be another


def _write_receipt(stage: Stage, outputs: dict[str, bytes]) -> None:
    """Beside the state of a stage that keeps one, the MD5 of its results: DVC will record the same."""
    if (UNFINISHED / f"{stage.name}.pt").exists():
        results = {
            path: hashlib.md5(content, usedforsecurity=False).hexdigest()
            for path, content in outputs.items()
        }
        write_whole(UNFINISHED / f"{stage.name}.json", json.dumps(results).encode())


def _end() -> None:
    """If DVC runs the stage, end the process at once, with the lock held.

    Torch takes half a second to tidy up, long enough for another command to take the lock before DVC does.
    """
    if "DVC_STAGE" in os.environ:
        if _repo().config["core"].get("hardlink_lock"):  # a lock of this kind outlives its process
            _repo().lock.unlock()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
