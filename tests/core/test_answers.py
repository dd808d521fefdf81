from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proactivebench.answers import Choices, Outcome, normalise, what_counts

OPTIONS = ("Move the blocks to the left.", "I cannot tell.", "Hot dog.")


def read(answer: str, texts: tuple[str, ...] = OPTIONS, correct: str = OPTIONS[0], first: int = 0) -> tuple[str, int]:
    reading = Choices(texts, (correct,), first).read(answer)
    return reading.outcome.value, -1 if reading.position is None else reading.position


def test_full_text_counts_in_any_case_and_spacing() -> None:
    assert read("move THE blocks to the left.") == ("correct", 0)
    assert read(" Hotdog.\n") == ("wrong", 2)
    assert read("A. B. Hot dog.") == ("wrong", 2)


def test_a_missing_period_is_a_mismatch_but_the_letter_saves_it() -> None:
    assert read("Hot dog") == ("mismatch", -1)
    assert read("C. Hot dog") == ("wrong", 2)


def test_only_a_single_letter_counts() -> None:
    assert read("a") == read("A.") == read(" a . Whatever") == ("correct", 0)
    for answer in ("A)", "(A)", "A: Move", "Option A", "", ".", "1", "É", "Z", "d"):
        assert read(answer) == ("mismatch", -1)


def test_letters_go_on_after_the_first_list() -> None:
    assert read("d", ("Cat.", "Dog."), "Dog.", first=2) == ("correct", 1)
    assert read("a", ("Cat.", "Dog."), "Dog.", first=2) == ("mismatch", -1)


def test_texts_that_normalise_alike_are_told_apart_by_the_raw_text_or_the_letter() -> None:
    alike = ("Plan B.", "iPhone 4S.", "Cat.")
    assert normalise(alike[0]) == normalise(alike[1]) == ""
    assert read("iPhone 4S.", alike, "iPhone 4S.") == ("correct", 1)
    assert read("Plan B.", alike, "iPhone 4S.") == ("wrong", 0)
    assert read("B.", alike, "iPhone 4S.") == ("correct", 1)
    assert read("B. iPhone 4S.", alike, "iPhone 4S.") == ("correct", 1)
    assert read("cat.", alike, "iPhone 4S.") == ("wrong", 2)
    assert read("", alike, "iPhone 4S.") == ("mismatch", -1)


def test_where_the_first_text_of_several_alike_decides_it_does_as_in_the_published_package() -> None:
    alike = ("Plan B.", "iPhone 4S.", "Cat.")
    for answer in ("iPhone 4S.", "Plan B.", "B.", "", "C. iPhone 4S."):
        assert read(answer, alike, "Plan B.") == ("correct", 0)
        assert read(answer, alike, "Cat.") == ("wrong", 0)


def test_letters_go_on_past_z_as_they_are_shown() -> None:
    many = tuple(f"Thing {number}." for number in range(40))
    assert read("z", many, "Thing 25.") == ("correct", 25)
    assert read("[", many, "Thing 26.") == ("correct", 26)
    assert read("a", many, "Thing 0.") == ("correct", 0)


@given(st.text())
def test_any_text_is_read_and_normalising_twice_drops_no_letters(text: str) -> None:
    reading = Choices(OPTIONS, (OPTIONS[0],)).read(text)
    assert (reading.position is None) == (reading.outcome is Outcome.MISMATCH) == (reading.by is None)
    assert " " not in normalise(text)


@given(st.lists(st.text(min_size=1), min_size=2, max_size=6, unique=True), st.data())
def test_every_text_names_itself(texts: list[str], data: st.DataObject) -> None:
    texts = [text for text in texts if [other.strip().lower() for other in texts].count(text.strip().lower()) == 1]
    for position, text in enumerate(texts):
        assert Choices(texts, (text,)).read(text).position == position


@given(said=st.text(), option=st.sampled_from(OPTIONS))
def test_whatever_was_said_a_continuation_can_still_name_any_option(said: str, option: str) -> None:
    """So no reply is decided before it has ended, and none can be cut short without changing what is read."""
    place = OPTIONS.index(option)
    assert read(what_counts(f"{said}</think>{option}"))[1] == place
    line = said.replace("\n", " ").replace("<think>", "").replace("</think>", "")
    assert read(what_counts(f"{line} A. {option}"))[1] == place, "and on its first line not even by a thought"
