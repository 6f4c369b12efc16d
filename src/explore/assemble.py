"""The page: HTML, style and modules of the folder `page`, with facts and packed arrays, put together into one file."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from string import Template

import numpy as np

from src.explore.packing import pack

FOLDER = "src/explore/page"
_IMPORT = re.compile(r'import \{[\w, ]+\} from "\./([\w.]+)";')


def assemble(read: Callable[[str], str], facts: dict, arrays: dict[str, np.ndarray]) -> bytes:
    """The page from its files, which `read` gives by name, with `facts` for JSON and `arrays` to be packed by name.

    The policy in it allows its own script and style, by their hashes, and no request at all.
    """
    script, style = join_modules(read, "main.js"), read("page.css")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    kinds = {name: array.dtype.str[1:] for name, array in arrays.items()}
    blocks = [
        f'<script type="text/plain" id="{name}">{pack(array)}</script>'
        for name, array in arrays.items()
    ]
    page = Template(read("page.html")).substitute(
        policy=policy,
        style=style,
        script=script,
        facts=escaped({**facts, "kinds": kinds}),
        blocks="\n".join(blocks),
    )
    return page.encode()


def join_modules(read: Callable[[str], str], main: str) -> str:
    """One script of the module `main` and all that it imports, each after those that it imports.

    A browser loads no module from a file on the disk. Lines of import and the word export go; names are the same in
    all modules, so what two of them declare is an error of the script. Raises ValueError for an import of another form
    than `import { a, b } from "./name.js";`, and for a text that would end the script.
    """
    joined: dict[str, str] = {}

    def add(name: str) -> None:
        if name in joined:
            return
        joined[name] = (
            ""  # from here on it counts as there, even if a circle of imports leads back to it
        )
        body = []
        for line in read(name).splitlines():
            if found := _IMPORT.fullmatch(line):
                add(found[1])
            elif (
                re.match(r"import\b|export (?!(async )?function|const|class)", line)
                or "</script" in line.lower()
            ):
                raise ValueError(f"{name} cannot be joined into one script: {line}")
            else:
                body.append(re.sub(r"^export ", "", line))
        text = "\n".join(body).strip()
        del joined[name]
        joined[name] = text  # after what it imports

    add(main)
    return "\n\n".join(f"// {name}\n{text}" for name, text in joined.items()) + "\n"


def escaped(facts: dict) -> str:
    """JSON that can stand in a script element: no `<` can end it, whatever the names hold. Refuses NaN."""
    return json.dumps(facts, allow_nan=False).replace("<", "\\u003c")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
