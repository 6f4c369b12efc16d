"""What the bytes of a stage's results depend on besides its inputs: packages, and arithmetic."""

from importlib.metadata import PackageNotFoundError, version

# The packages that can change the results of each stage; `train` stands for every training.
PACKAGES = {
    "download": ("torchvision",),
    "train": ("numpy", "torch"),
    "evaluate": ("numpy", "scikit-learn", "scipy", "torch"),
    "render": ("matplotlib", "numpy", "pillow", "torch"),
    "explore": ("numpy", "torch"),
}
RECORD_AGAIN = "record this machine's with `dvc repro --force preflight`"


def record_of(stage: str, arithmetic: str | None) -> dict[str, str]:
    """The record of a stage; `arithmetic` is None for a stage that computes nothing."""
    names = PACKAGES["train" if stage.startswith("train_") else stage]
    record = {name: release(name) for name in names}
    return record if arithmetic is None else {"arithmetic": arithmetic, **record}


def release(package: str) -> str:
    """The installed release of a package, without a label such as `+cpu` or `+cu130`.

    On the CPU all builds of a release of torch give the same bytes; for a GPU the kind of
    arithmetic names the release of CUDA.
    """
    try:
        return version(package).partition("+")[0]
    except PackageNotFoundError:
        return "missing"


def differences(record: dict[str, str]) -> list[str]:
    """Which installed releases are not those of a record, in words."""
    packages = {name: recorded for name, recorded in record.items() if name != "arithmetic"}
    return [
        f"{name} {release(name)}, not {recorded}"
        for name, recorded in packages.items()
        if release(name) != recorded
    ]
