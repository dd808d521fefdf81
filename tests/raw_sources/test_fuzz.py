"""The first inputs of `fuzz_readers` for every reader; the many are tried by hand."""

import pytest

from tests.raw_sources.fuzz_formats import FORMATS
from tests.raw_sources.fuzz_readers import attempt


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_ends_in_records_or_an_error_of_ours(name: str) -> None:
    assert attempt(name, range(30)) == []


def test_a_traceback_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "zip", FORMATS["zip"]._replace(read=lambda path: 1 / 0))
    assert attempt("zip", range(2)) == [f"{number}: ZeroDivisionError: division by zero" for number in range(2)]
