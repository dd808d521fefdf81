"""The published interface to the open-ended setting; a thin face on `proactivebench.open_ended`."""

from __future__ import annotations

from proactivebench import open_ended
from proactivebench.environment import PUBLISHED_SCENARIOS
from proactivebench.scenarios import get_scenario

SYSTEM_PROMPT = open_ended.judge_instructions()
"""Our instructions for a judge."""

USER_PROMPT = open_ended.JUDGE_QUESTION
"""What a judge is asked, with the placeholders `user_prompt`, `correct_answers` and `generated_answer`."""

PREDICTION_THR = {scenario.name: len(scenario.open_suggestions) for scenario in PUBLISHED_SCENARIOS}
"""Short scenario name -> how many valid answers, from the front, are suggestions."""


def _split(valid_answers: str) -> list[str]:
    return [answer.strip() for answer in valid_answers.strip().removesuffix(".").split(",")]


def get_oeg_judge_messages(prompt: str, valid_answers: str, generated_answer: str) -> list[dict[str, str]]:
    """The chat messages for a judge: our instructions, then the question, the valid answers and the reply."""
    question = open_ended.judge_question(prompt, _split(valid_answers), generated_answer)
    return [
        {"role": "system", "content": SYSTEM_PROMPT},
        {"role": "user", "content": question},
    ]


def parse_judge_prediction(valid_answers: str, raw_judge_output: str, dataset: str) -> dict[str, int]:
    """Reads a judge's output; one that cannot be read gives zeros.

    Returns:
        0 or 1 for `proactive_suggestion`, `category_prediction` (also as `correct_prediction`) and `aggregate`.

    Raises:
        UsageError: There is no such scenario.
    """
    count = len(_split(valid_answers))
    judgement = open_ended.read_judgement(raw_judge_output, count, get_scenario(dataset))
    suggestion = int(judgement is not None and judgement.suggestion)
    category = int(judgement is not None and judgement.category)
    return {
        "proactive_suggestion": suggestion,
        "category_prediction": category,
        "correct_prediction": category,
        "aggregate": suggestion | category,
    }
