"""How every stage begins and ends, so that what DVC records of it is true.

A stage is given what DVC records as its inputs, and writes nothing if they have changed since.
Other commands may work in the same clone: an editor, git, an experiment of DVC that puts all
uncommitted changes aside for a moment. A comment gives the reason for each precaution.
"""

import contextlib
import gc
import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from dvc.exceptions import DvcException
from dvc.stage import Stage

from src.base.errors import UserError, damaged, in_one_line, missing
from src.base.files import write_whole
from src.machine import environment
from stages import COMPILED, ROOT, records
from stages.records import Parameters, repository

UNFINISHED = Path("data/unfinished")  # states of unfinished stages, and receipts of their results


class Unfinished(NamedTuple):
    """Where a stage may keep its state, to go on from after an interruption."""

    path: Path  # parts that only grow may be in a file beside it, with the suffix .frames
    digest: str  # of all inputs of the stage: a state with another digest must not be used


def run(main: Callable[..., dict[str, bytes] | None], *, resumable: bool = False) -> None:
    """Call `main` with the stage's parameters and the command line; write what it returns.

    The parameters are those that dvc.yaml lists for the stage: under `params` those that re-run
    it, under `meta: untracked` those that do not. `params.environment` is what `preflight`
    recorded for the stage in data/environment. `main` returns {path: content}. A `resumable`
    stage is given an `Unfinished` as well. Faults of users end in one line with exit code 1. A
    stage that fails leaves the outputs that were there before.
    """
    gc.freeze()  # all that was imported is here to stay: never searched
    gc.enable()
    arguments: list[Any] = sys.argv[1:]
    with in_one_line(DvcException):
        with repository().lock:
            stage = records.current_stage()
            _end_with_dvc(records.process_of_dvc(stage))
        try:
            # Without the lock an experiment could swap files between the hashes and the values.
            with repository().lock:
                hashes = records.input_hashes(stage)
                params = records.parameters(stage)
                _refuse_other_code()
                _refuse_unchecked_parameters(stage)
                params |= _environment(stage)
                _remove_finished_states(stage)
            if resumable:
                state = UNFINISHED / f"{stage.name}.pt"
                arguments.append(Unfinished(state, records.digest(stage, hashes)))
            outputs = main(params, *arguments) or {}
            # Without the lock `dvc checkout` could replace an output before this process ends.
            with repository().lock:
                _refuse_changed_inputs(hashes, records.input_hashes(stage))
                for path, content in outputs.items():
                    write_whole(path, content)
                _write_receipt(stage, outputs)
                _end()
        except Exception:
            with contextlib.suppress(OSError, DvcException), repository().lock:
                records.put_back_outputs(stage)
            raise


def read_tracked(path: str) -> bytes:
    """The content of a file in git; without the lock it could be HEAD's, for an experiment."""
    with repository().lock:
        return Path(path).read_bytes()


def write_tracked(path: str, content: bytes) -> None:
    """Write a file in git; without the lock an experiment could put back what was there before."""
    with repository().lock:
        write_whole(path, content)


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
        message = "error: the `dvc` that runs this stage has ended, so the stage ends too"
        print(message, file=sys.stderr, flush=True)
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
    if preflight and stage.name != "preflight" and records.has_changed(preflight, "params.yaml"):
        raise UserError(
            "params.yaml has changed since the stage preflight checked it; look at "
            "`git diff params.yaml`, then run `dvc repro`"
        )


def _environment(stage: Stage) -> Parameters:
    """What `preflight` recorded for this stage, as {"environment": record}.

    Refuses packages that are not the recorded ones.
    """
    path = f"data/environment/{stage.name}.json"
    if path not in map(records.path, stage.deps):
        return Parameters()
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
    return records.dotted({"environment": record})


def _refuse_changed_inputs(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Refuse to keep results that DVC would record under inputs they were not computed from."""
    changed = [name for name, checksum in after.items() if checksum != before[name]]
    if changed:
        raise UserError(
            f"{', '.join(changed)} changed while this stage was running, so its results are not "
            "kept; put back what should not have changed and run `dvc repro` again: it repeats "
            "no epoch that is finished"
        )


def _remove_finished_states(stage: Stage) -> None:
    """Remove the states of stages whose results DVC has recorded and keeps in its cache.

    Not earlier: if DVC cannot cache a result, as on a full disk, the stage needs its state again.
    The receipt of a stage says which results its state led to.
    """
    for receipt in UNFINISHED.glob("*.json"):
        checksums = _read_receipt(receipt)
        finished = records.stage_named(receipt.stem)
        if checksums and finished and records.is_cached(finished, checksums):
            for suffix in (".pt", ".frames", ".json"):
                receipt.with_suffix(suffix).unlink(missing_ok=True)
    if _receipt(stage).is_file():
        _receipt(stage).unlink()  # this stage starts, so its receipt is out of date


def _receipt(stage: Stage) -> Path:
    return UNFINISHED / f"{stage.name}.json"


def _read_receipt(path: Path) -> dict[str, str]:
    """The MD5 of each result by path; nothing if the file is damaged, or no file at all."""
    try:
        checksums = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return checksums if isinstance(checksums, dict) else {}


def _write_receipt(stage: Stage, outputs: dict[str, bytes]) -> None:
    """Beside the state of a stage that keeps one, write the MD5 of its results, as DVC will."""
    if (UNFINISHED / f"{stage.name}.pt").exists():
        checksums = {
            path: hashlib.md5(content, usedforsecurity=False).hexdigest()
            for path, content in outputs.items()
        }
        write_whole(_receipt(stage), json.dumps(checksums).encode())


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
