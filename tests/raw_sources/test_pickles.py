"""Pickles from elsewhere: lists of strings are read, everything else is refused before it runs."""

import pickle
import struct
from collections import OrderedDict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raw_sources.base import SourceError
from raw_sources.pickles import read_string_lists

reuse = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@reuse
@given(st.lists(st.lists(st.text(max_size=8), max_size=4), max_size=8), st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_every_protocol_comes_back_as_it_was(tmp_path: Path, sets: list[list[str]], protocol: int) -> None:
    path = tmp_path / "list.pkl"
    path.write_bytes(pickle.dumps(sets, protocol))
    assert read_string_lists(path) == sets
    path.write_bytes(pickle.dumps(tuple(map(tuple, sets)), protocol))
    assert read_string_lists(path) == sets


def test_a_list_that_python_2_wrote_is_read(tmp_path: Path) -> None:
    path = tmp_path / "list.pkl"
    path.write_bytes(b"(lp0\n(lp1\nS'0000/a/b_1.png'\np2\naa.")
    assert read_string_lists(path) == [["0000/a/b_1.png"]]


@reuse
@given(st.binary(max_size=60))
def test_garbage_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "list.pkl"
    path.write_bytes(data)
    try:
        sets = read_string_lists(path)
    except SourceError as error:
        assert str(path) in str(error)
    else:
        assert all(isinstance(string, str) for strings in sets for string in strings)


def test_code_in_a_pickle_does_not_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "list.pkl", tmp_path / "trace"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path.write_bytes(pickle.dumps([["a"], Hostile(trace)], protocol))
        with pytest.raises(SourceError, match="instruction"):
            read_string_lists(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04]r" + struct.pack("<I", 0xFFFFFFF0) + b".",  # a memo of 4 billion places
        b"\x80\x05\x96" + struct.pack("<Q", 1 << 44) + b".",  # 16 terabytes of bytes
        b"\x80\x04]X" + struct.pack("<I", 0xFFFFFFF0) + b"a.",
        b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"].",
    ],
)
def test_a_short_pickle_cannot_ask_for_much_memory(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "list.pkl").write_bytes(data)
    with pytest.raises(SourceError, match="expected a pickled list"):
        read_string_lists(tmp_path / "list.pkl")


@pytest.mark.parametrize(
    "value", [["a", "b"], [[1]], [["a", None]], {"a": ["b"]}, OrderedDict(a=1), "a", [[["a"]]], [[b"a"]], 3.5]
)
def test_other_values_are_refused(tmp_path: Path, value: object) -> None:
    (tmp_path / "list.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(SourceError, match="expected a pickled list of lists of file names"):
        read_string_lists(tmp_path / "list.pkl")


def test_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.pkl"
    path.write_bytes(pickle.dumps([["x" * 5_000_000]]))
    with pytest.raises(SourceError, match="larger than"):
        read_string_lists(path)
    shared = ["a"] * 1000
    path.write_bytes(pickle.dumps([shared] * 1000))
    with pytest.raises(SourceError, match="more than"):
        read_string_lists(path)


def test_a_list_that_holds_itself_is_refused(tmp_path: Path) -> None:
    loop: list[object] = []
    loop.append(loop)
    (tmp_path / "list.pkl").write_bytes(pickle.dumps(loop))
    with pytest.raises(SourceError, match="something else than strings"):
        read_string_lists(tmp_path / "list.pkl")
