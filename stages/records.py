"""What DVC records of a stage. All that the stages use of DVC's inner interfaces is in this file.

DVC has no public interface for a stage that looks at its own record, so its release is pinned.
Nothing of `src` is imported: the outputs of a stage are put back even if that cannot be loaded.
"""

import contextlib
import copy
import functools
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.output import Output
from dvc.repo import Repo
from dvc.stage import Stage
from dvc.stage.exceptions import StageNotFound

COMMAND = "python -m stages"  # of every stage, before its name


class Parameters(dict):
    """Parameters with dots for sections: `params.train_vae.beta`.

    They are those alone that dvc.yaml lists for the stage.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(
                f"{name!r} is read as a parameter, but dvc.yaml does not list it"
            ) from None


@functools.cache
def repository() -> Repo:
    """DVC's view of this clone. `.lock` is DVC's own lock; taking it waits for other commands."""
    return Repo(uninitialized=True, _wait_for_lock=True)  # as with `dvc --wait-for-lock`


def current_stage() -> Stage | None:
    """The stage that DVC runs; by hand, the one with this command, or None."""
    name = os.environ.get("DVC_STAGE")
    if name:
        # The part before the colon is the path of dvc.yaml.
        return repository().stage.load_one(name=name.rpartition(":")[2])
    return commands().get(" ".join([COMMAND, *sys.argv[1:]]))


def commands() -> dict[str, Stage]:
    """The stages by their commands."""
    return {stage.cmd: stage for stage in repository().index.stages}


def stage_named(name: str) -> Stage | None:
    """The stage with this name; None if dvc.yaml has none, for example on another branch."""
    try:
        return repository().stage.load_one(name=name)
    except StageNotFound:
        return None


def input_hashes(stage: Stage) -> dict[str, Any]:
    """The inputs as DVC would record them now: hashes of files, values of parameters."""
    return {path(dep): dep.get_hash() if dep.exists else None for dep in stage.deps}


def digest(stage: Stage, hashes: dict[str, Any]) -> str:
    """A checksum of all that decides the results of a stage: its command and its inputs."""
    inputs = {name: value and value.to_dict() for name, value in hashes.items()}
    text = json.dumps([stage.cmd, inputs], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def parameters(stage: Stage) -> Parameters:
    """The parameters that the stage lists, tracked and untracked, as DVC reads them."""
    dependencies = [
        dep for dep in stage.deps
        if isinstance(dep, ParamsDependency) and path(dep) == "params.yaml"
    ]  # fmt: skip
    untracked = ParamsDependency(stage, None, (stage.meta or {}).get("untracked", ()))
    if untracked.params:
        dependencies.append(untracked)
    params = Parameters()
    for dependency in dependencies:
        for key, value in dependency.read_params().items():
            *sections, name = key.split(".")
            section = params
            for part in sections:
                section = section.setdefault(part, Parameters())
            section[name] = dotted(value)
    return params


def section_of(stage: Stage) -> dict[str, Any]:
    """All of the section of params.yaml that has the stage's name; empty if there is none."""
    section = ParamsDependency(stage, None, [stage.name]).read_params().get(stage.name)
    return section if isinstance(section, dict) else {}


def dotted(value: Any) -> Any:
    """A value in which all dictionaries are `Parameters`."""
    if isinstance(value, dict):
        return Parameters({key: dotted(part) for key, part in value.items()})
    return value


def has_changed(stage: Stage, name: str) -> bool:
    """Whether an input of a stage is not what DVC has recorded for it."""
    return any(dep.status() for dep in stage.deps if path(dep) == name)


def is_recorded(stage: Stage) -> bool:
    """Whether DVC has recorded a run with these inputs, and has its outputs in the cache."""
    changed = stage.cmd_changed or any(dep.status() for dep in stage.deps)
    return not changed and not any(out.use_cache and out.changed_cache() for out in stage.outs)


def shallow_origin() -> str:
    """The shallow clone of which DVC has made this folder, for an experiment; "" if it is none."""
    origin = os.environ.get("DVC_ROOT", "")  # of a stage in DVC's temporary folder: that clone
    if not origin or os.path.realpath(origin) == os.path.realpath(repository().root_dir):
        return ""
    command = ["git", "-C", origin, "rev-parse", "--is-shallow-repository"]
    return origin if subprocess.run(command, capture_output=True).stdout == b"true\n" else ""


def unchecked_values(stage: Stage) -> Iterator[tuple[str, Any, Any]]:
    """Parameters of the wrong type, which DVC takes for the recorded ones: False for 0, 2.0 for 2.

    Gives the name, the value and the recorded value. A whole number is as good as a float.
    """
    for dep in stage.deps:
        if isinstance(dep, ParamsDependency) and dep.hash_info.value:
            yield from _differing(dep.read_params(), dep.hash_info.value)


def _differing(
    values: dict[str, Any], recorded: dict[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    for name, value in values.items():
        before = recorded.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            yield from _differing(value, before, f"{prefix}{name}.")
        elif repr(value) != repr(before) and (type(value), type(before)) != (int, float):
            yield prefix + name, value, before


def put_back_outputs() -> None:
    """Restore the outputs that DVC removed before it started this stage, as far as it has them.

    The outputs that git keeps are in DVC's cache too, for its run cache.
    """
    with contextlib.suppress(OSError, DvcException), repository().lock:
        stage = current_stage()
        for out in stage.outs if stage else []:
            cached = copy.copy(out)
            cached.use_cache = True
            if out.hash_info and not cached.changed_cache():
                cached.checkout(force=True)


def process_of_dvc(stage: Stage) -> int | None:
    """The number of the DVC process that runs this stage; None if the stage is run by hand.

    DVC notes it with its lock on the outputs. The parent process may be a shell instead.
    """
    if "DVC_STAGE" not in os.environ:
        return None
    notes = Path(repository().tmp_dir or "", "rwlock")
    try:
        writers = json.loads(notes.read_bytes())["write"]
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return next((writers[out.fs_path]["pid"] for out in stage.outs if out.fs_path in writers), None)


def has_lock_file() -> bool:
    """Whether DVC's lock is a file that outlives its process."""
    return bool(repository().config["core"].get("hardlink_lock"))


def path(output: Output) -> str:
    """The path of an input or an output, with slashes on Windows too."""
    return PurePath(str(output)).as_posix()
