"""The comparison with emulated processors, without an emulator."""

import pytest

from src.base.errors import UserError
from tools import processors


@pytest.mark.parametrize(
    ("outputs", "same"),
    [
        ({"a": "1", "b": "2"}, True),
        ({"a": "1", "b": "3"}, False),
        ({"a": "1"}, False),
        ({"a": "1", "b": "2", "c": "3"}, False),
    ],
    ids=["the same", "another", "missing", "one more"],
)
def test_every_difference_counts(outputs, same):
    """The outputs of one of two processors."""
    expected = {"a": "1", "b": "2"}
    lines, equal = processors.table(expected, {"EPYC": expected, "Haswell": outputs})
    assert equal == same
    assert ("other bytes" in lines) != same


def test_a_missing_emulator_is_named(monkeypatch):
    """With the command that installs it."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"^qemu-x86_64 is .* `apt-get install qemu-user`"):
        processors.check_emulator(["EPYC"])
