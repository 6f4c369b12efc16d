"""How every stage begins and ends, so that what DVC records of it is true.

A stage is given what DVC records as its inputs, and writes nothing if they have changed since.
Other commands may work in the same clone: an editor, git, an experiment of DVC that puts all
uncommitted changes aside for a moment. A comment gives the reason for each precaution.
"""

import contextlib
import gc
import hashlib
import importlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil
from dvc.stage import Stage

from src.base.errors import UserError, damaged, missing, report
from src.base.files import write_whole
from src.machine import environment
from stages import COMPILED, ROOT, records
from stages.records import repository

if TYPE_CHECKING:
    from src.preflight.schema import Params


class StateFile(NamedTuple):
    """Where a stage may keep its state, to go on from after an interruption."""

    path: Path
    digest: str  # of all inputs of the stage: a state with another digest must not be used


class Inputs(NamedTuple):
    """What a stage is given.

    The parameters are those that dvc.yaml lists for the stage: under `params` those that re-run
    it, under `meta: untracked` those that do not. No others can be read. `preflight` has checked
    them, so they have the types of its schema.
    """

    params: "Params"
    values: dict[str, Any]  # the same as dictionaries, for code that takes a whole section or all
    kind: str  # of arithmetic, which `preflight` recorded; "" for a stage that computes nothing
    state: StateFile


def run(command: list[str]) -> None:
    """Run a stage, given by the name of its module and the arguments of its `main`.

    `main` gets the stage's `Inputs` and the arguments, and returns {path: content}, or None if it
    has written its outputs itself. A stage that fails writes nothing.
    """
    with repository().lock:
        stage = records.current_stage()
        if stage is None:
            raise _unknown(command)
        _end_with_dvc(records.process_of_dvc(stage))
    _refuse_lost_experiment()
    name, *arguments = command
    main = importlib.import_module(f"stages.{name}").main
    gc.freeze()  # all that was imported is here to stay: never searched
    gc.enable()
    # Without the lock an experiment could swap files between the hashes and the values.
    with repository().lock:
        hashes = records.input_hashes(stage)
        values = records.parameters(stage)
        _refuse_other_code()
        _refuse_unchecked_parameters(stage)
        _refuse_unlisted_parameters(stage, values)
        state = StateFile(Path(f"data/unfinished/{stage.name}.pt"), records.digest(stage, hashes))
        inputs = Inputs(values, values, _recorded_kind(stage), state)  # type: ignore[arg-type]
        # Only once the results are cached: after a full disk this run would go on from the state.
        if state.path.is_file() and records.is_recorded(stage):
            state.path.unlink()
    outputs = main(inputs, *arguments) or {}
    # Without the lock `dvc checkout` could replace an output before this process ends.
    with repository().lock:
        _refuse_changed_inputs(hashes, records.input_hashes(stage))
        for path, content in outputs.items():
            write_whole(path, content)
        _end()


def _unknown(command: list[str]) -> UserError:
    known = [f"`{cmd}`" for cmd in records.commands() if cmd.startswith(records.COMMAND)]
    return UserError(
        f"no stage of dvc.yaml runs `{' '.join([records.COMMAND, *command])}`; it has "
        f"{', '.join(known)}"
    )


def read_tracked(path: str) -> bytes:
    """The content of a file in git, under the lock: an experiment swaps it for a moment."""
    with repository().lock:
        return Path(path).read_bytes()


def write_tracked(path: str, content: bytes) -> None:
    """Write a file in git, under the lock: an experiment could put back what was there before."""
    with repository().lock:
        write_whole(path, content)


def _refuse_lost_experiment() -> None:
    """Refuse an experiment that DVC would lose, and call a success.

    DVC runs experiments of its queue and of `--temp` in a folder of their own, and fetches their
    commits from there; into a shallow clone it cannot.
    """
    origin = records.shallow_origin()
    if origin:
        raise UserError(
            f"{origin} is a shallow clone, in which DVC loses experiments of its queue and of "
            "--temp; run `git fetch --unshallow` there"
        )


def _end_with_dvc(process_id: int | None, seconds: float = 0.5) -> None:
    """End this process when the `dvc` that started it has ended, however that happened.

    Otherwise a training would go on alone, and write over the results of the next `dvc repro`.
    """
    if process_id is None:
        return

    def watch() -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            dvc = psutil.Process(process_id)
            while dvc.is_running() and dvc.status() != psutil.STATUS_ZOMBIE:
                time.sleep(seconds)
        report("the `dvc` that runs this stage has ended, so the stage ends too")
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _refuse_other_code() -> None:
    """Refuse to compute with code that is not the code that DVC is about to record."""
    changed = [
        Path(path).relative_to(ROOT).as_posix()
        for path, checksum in COMPILED.items()
        if not Path(path).is_file()
        or hashlib.sha256(Path(path).read_bytes()).hexdigest() != checksum
    ]
    if changed:
        raise UserError(
            f"{', '.join(changed)} changed while this stage was being loaded; run `dvc repro` again"
        )


def _refuse_unchecked_parameters(stage: Stage) -> None:
    """Refuse parameters that `preflight` has not checked.

    `dvc repro --single-item` skips it, and params.yaml may change during a run.
    """
    preflight = records.stage_named("preflight")
    if not preflight or stage.name == "preflight":
        return
    if records.has_changed(preflight, "params.yaml"):
        raise UserError(
            "params.yaml has changed since the stage preflight checked it; look at "
            "`git diff params.yaml`, then run `dvc repro`"
        )
    faults = [
        f"{name} is {value!r}, which DVC takes for {checked!r}; write {checked!r}"
        for name, value, checked in records.unchecked_values(preflight)
    ]
    if faults:
        raise UserError(*faults, file="params.yaml")


def _refuse_unlisted_parameters(stage: Stage, values: dict[str, Any]) -> None:
    """Refuse parameters of the stage's own section that dvc.yaml does not list for it.

    A section is passed on as a whole, so the stage would compute without them and not notice.
    """
    unlisted = set(records.section_of(stage)) - set(values.get(stage.name, ()))
    if unlisted and stage.name != "preflight":
        names = ", ".join(f"{stage.name}.{name}" for name in sorted(unlisted))
        raise UserError(
            f"params.yaml has {names}, but dvc.yaml does not list it for {stage.name}; list it "
            "there under `params`, or under `meta: untracked` if it decides no result"
        )


def _recorded_kind(stage: Stage) -> str:
    """The kind of arithmetic that `preflight` recorded for this stage, "" if it recorded none.

    Refuses packages that are not the recorded ones.
    """
    path = f"data/environment/{stage.name}.json"
    if path not in map(records.path, stage.deps):
        return ""
    try:
        record = dict(json.loads(Path(path).read_bytes()))
    except FileNotFoundError:
        raise missing(path) from None
    except (ValueError, TypeError):
        raise damaged(path, "a record") from None
    differences = environment.differences(record)
    if differences:
        raise UserError(
            f"installed is {' and '.join(differences)} as {path} says; install the pinned releases "
            f"with `pip install -r requirements.txt`, or {environment.RECORD_AGAIN}"
        )
    return record.get("arithmetic", "")


def _refuse_changed_inputs(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Refuse to keep results if an input has changed: DVC would record the new one with them."""
    changed = [name for name, checksum in after.items() if checksum != before[name]]
    if changed:
        raise UserError(
            f"{', '.join(changed)} changed while this stage was running, so its results are not "
            "kept; put back what should not have changed and run `dvc repro` again: it repeats "
            "no epoch that is finished"
        )


def _end() -> None:
    """If DVC runs the stage, end the process at once, with the lock held.

    Torch takes half a second to tidy up, long enough for another command to take the lock.
    """
    if "DVC_STAGE" in os.environ:
        if records.has_lock_file():
            repository().lock.unlock()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
