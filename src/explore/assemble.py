"""Puts the files of the folder `page`, facts and packed arrays together into one file."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from string import Template
from typing import Any

import numpy as np

from src.explore.packing import GREYS, pack

FOLDER = "src/explore/page"
_IMPORT = re.compile(r'^import \{([\w,\s]+)\} from "\./([\w.]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:(?:async )?function|const|class) (\w+)", re.MULTILINE)


def assemble(
    read: Callable[[str], str], facts: dict[str, Any], arrays: dict[str, np.ndarray]
) -> bytes:
    """The page from its files, which `read` gives by name, with facts as JSON and packed arrays.

    The policy in it allows its own script and style, by their hashes, a worker from within the
    page, and no request at all. The worker's script is a text in the page's, under the same hash.
    """
    worker = _in_script('"use strict";\n' + join_modules(read, "worker.js"))
    script = join_modules(read, "main.js").replace('"$worker"', worker)
    style = read("page.css")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; worker-src blob:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types worker"
    )
    kinds = {name: array.dtype.str[1:] for name, array in arrays.items()}
    blocks = [
        f'<script type="text/plain" id="{name}">{pack(array)}</script>'
        for name, array in arrays.items()
    ]
    page = Template(read("page.html")).substitute(
        policy=policy,
        greys=GREYS,
        style=style,
        script=script,
        facts=_in_script({**facts, "kinds": kinds}),
        blocks="\n".join(blocks),
    )
    return page.encode()


def join_modules(read: Callable[[str], str], main: str) -> str:
    """One script of the module `main` and all that it imports, each after those that it imports.

    A browser loads no module from a file on the disk. Each becomes a function that returns what the
    module exports, so that their names stay apart. Raises ValueError for modules that import each
    other in a circle, for an import or export of another form than `import { a, b } from
    "./name.js";` and `export function`, `const NAME` or `class`, and for a text that would end the
    script.
    """
    joined: dict[str, str] = {}

    def add(name: str, importers: tuple[str, ...]) -> None:
        if name in importers:
            raise ValueError(f"modules in a circle: {' -> '.join((*importers, name))}")
        if name in joined:
            return
        text = read(name)
        for imported in _IMPORT.finditer(text):
            add(imported[2], (*importers, name))
        joined[name] = _as_function(name, text)

    add(main, ())
    return "\n".join(joined.values())


def _as_function(name: str, text: str) -> str:
    """A module as a constant: what a function returns that holds the module's body."""
    body = _IMPORT.sub(lambda match: f"const {{{match[1]}}} = {_constant(match[2])};", text)
    exports = ", ".join(match[1] for match in _EXPORT.finditer(body))
    body = _EXPORT.sub(lambda match: match[0].removeprefix("export "), body)
    if left := re.search(r"^(import|export)\b.*|.*</script.*", body, re.MULTILINE | re.IGNORECASE):
        raise ValueError(f"{name} cannot be joined into one script: {left[0]}")
    return f"const {_constant(name)} = (() => {{\n{body.strip()}\nreturn {{ {exports} }};\n}})();"


def _constant(name: str) -> str:
    return name.replace(".", "_")


def _in_script(value: Any) -> str:
    """A value as JSON in which no `<` can end a script; NaN is refused."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
