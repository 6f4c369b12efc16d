"""What pydantic finds wrong in a file of names and values, in words: one sentence a fault."""

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo


def faults_of(error: ValidationError, content: dict[str, Any], model: type[BaseModel]) -> list[str]:
    """A sentence for each wrong value in `content`: its name, what it is, and what is allowed.

    That is the description of the field in `model`, or its choices, or what pydantic says.
    """
    # For a union pydantic reports a fault of each alternative: one sentence is enough.
    return list(dict.fromkeys(_sentence(fault, content, model) for fault in error.errors()))


def _sentence(fault: Any, content: Any, model: type[BaseModel]) -> str:
    """Follow the place of a fault through the sections, and describe the value there."""
    names: list[str] = []
    path = ""
    section: type[BaseModel] | None = model
    field = FieldInfo()
    for name in fault["loc"]:  # names of sections and of a field, then places inside its value
        if not isinstance(content, dict) or not isinstance(name, str):
            break
        names.append(name)
        path = ".".join(names)
        if section is not None and name not in section.model_fields:
            return f"{path} is not a parameter, {_near(name, section)}"
        field = section.model_fields[name] if section is not None else field
        if name not in content:
            return f"{path} is missing{_allowed(field, fault)}"
        content, section = content[name], section_of(field)
    value = reprlib.repr(content)
    return f"{path} is {value}{_allowed(field, fault)}{_spelling(content, field)}"


def _near(name: str, section: type[BaseModel]) -> str:
    names = ", ".join(section.model_fields)
    return did_you_mean(name, section.model_fields) or f"allowed are {names}"


def _allowed(field: FieldInfo, fault: Any) -> str:
    section = section_of(field)
    if section is not None:
        return f", allowed is a section with {', '.join(section.model_fields)}"
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    allowed = field.description or " or ".join(choices)
    return f", allowed is {allowed}" if allowed else f": {fault['msg']}"


def _spelling(value: Any, field: FieldInfo) -> str:
    """How to write a whole number that was written as a float, such as 1e3."""
    if field.annotation is int and isinstance(value, float) and value.is_integer():
        return f": write {int(value)}, without point or exponent"
    return ""


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section that a field holds; None for a value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def did_you_mean(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """A question with the most similar of some names, "" if none is similar."""
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return f"did you mean {near[0]}" if near else ""
