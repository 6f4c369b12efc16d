"""Reads params.yaml as DVC reads it; what it may hold is checked once, by src/schema.py at the gate."""

import re
from pathlib import Path
from types import SimpleNamespace

import yaml

from src.errors import UserError


class _Loader(yaml.SafeLoader):
    """PyYAML follows YAML 1.1, where `1e-05` is text; DVC writes and hashes YAML 1.2, where it is a number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def read_mapping(path: str | Path = "params.yaml") -> dict:
    """The parameters as nested dictionaries; UserError if the file is missing or is not a YAML mapping."""
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_Loader)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; restore it with `git checkout {path}`") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is not YAML in UTF-8 ({reason}); mend it or run `git checkout {path}`") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} holds {content!r}, not a mapping of names to values; run `git checkout {path}`")
    return content


def read_params(path: str | Path = "params.yaml") -> SimpleNamespace:
    """The parameters with dots for sections: `params.train_vae.beta`."""
    return _namespace(read_mapping(path))


def _namespace(mapping: dict) -> SimpleNamespace:
    return SimpleNamespace(**{k: _namespace(v) if isinstance(v, dict) else v for k, v in mapping.items()})
