"""Reading pickles that hold lists of lists of strings, and nothing else.

A pickle is a program: loading one can run anything, and even without calls it can ask for a terabyte of memory in ten
bytes. So the program is looked at before it runs. Only instructions that build lists, tuples and strings are allowed,
no place in the memo beyond what the file's length can fill, and the file's size is bounded. What is left runs in an
unpickler that finds no classes.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import TYPE_CHECKING

from raw_sources.base import SourceError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 4 << 20
MAX_STRINGS = 1 << 17

_OPCODES = frozenset(
    (
        *("PROTO", "FRAME", "STOP", "MARK"),
        *("EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"),
        *("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET"),
    )
)
_STORES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> object:
        raise pickle.UnpicklingError(f"it refers to {module_name}.{global_name}")


def read_string_lists(path: Path) -> list[list[str]]:
    """Reads a pickled list (or tuple) of lists of strings, of any pickle protocol.

    Raises:
        SourceError: The file cannot be read, is too large, or holds anything else; nothing of it was executed then.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES:,} bytes")
        _check_program(data)
        return _string_lists(_Unpickler(io.BytesIO(data)).load())
    except Exception as error:  # the pickle machine raises errors of many types on garbage
        expected = "expected a pickled list of lists of file names"
        raise SourceError(f"{path}: {expected}, but {error or type(error).__name__}.") from error


def _check_program(data: bytes) -> None:
    for opcode, argument, position in pickletools.genops(data):
        if opcode.name not in _OPCODES:
            raise ValueError(f"byte {position} is the instruction {opcode.name}, which such a list does not need")
        if opcode.name in _STORES and not 0 <= int(argument or 0) <= len(data):
            raise ValueError(f"byte {position} stores to place {argument} of the memo, which a file of this size lacks")


def _string_lists(value: object) -> list[list[str]]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"it holds a {type(value).__name__}")
    strings = 0
    for number, inner in enumerate(value, start=1):
        if not isinstance(inner, list | tuple):
            raise TypeError(f"its item {number} is a {type(inner).__name__}")
        strings += len(inner) + 1
        if strings > MAX_STRINGS:
            raise ValueError(f"it holds more than {MAX_STRINGS:,} names")
        if not all(isinstance(string, str) for string in inner):
            raise TypeError(f"its item {number} holds something else than strings")
    return [list(inner) for inner in value]
