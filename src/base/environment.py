"""The releases of the packages that can change the numbers, the pictures or where data come from."""

from importlib.metadata import version

PACKAGES = ("matplotlib", "numpy", "pillow", "scikit-learn", "scipy", "torch", "torchvision")


def versions() -> dict[str, str]:
    """The installed release of each package; dvc.yaml says which of them matter to which stage."""
    return {name: version(name) for name in PACKAGES}
