"""From what a user writes after `--model` to a model."""

from __future__ import annotations

from dataclasses import dataclass

from proactivebench.errors import UsageError
from proactivebench.models.base import Model


@dataclass(frozen=True)
class ModelOptions:
    """What a user may say about a model besides its name; None leaves the choice to the model.

    Attributes:
        batch_size: Requests that an `hf:` model answers at once.
    """

    batch_size: int | None = None


def load_model(spec: str, options: ModelOptions) -> Model:
    """Loads the model that a specification names.

    Args:
        spec: `scripted:NAME`, `hf:ID_OR_FOLDER`, or a bare id or folder, which means `hf:`.
        options: What else the user said about it.

    Raises:
        UsageError: There is no such model, or what it needs is not installed.
    """
    kind, colon, name = spec.partition(":")
    if kind == "scripted" and colon:
        from proactivebench.models.scripted import ScriptedModel

        return ScriptedModel(name)
    try:
        from proactivebench.models.checkpoints import load_checkpoint
        from proactivebench.models.transformers_model import TransformersModel
    except ImportError as error:
        raise UsageError(
            f"{spec} needs {error.name}: install the extra with pip install 'proactivebench-toolkit[models]'."
        ) from error
    checkpoint = load_checkpoint(name if kind == "hf" and colon else spec)
    return TransformersModel(checkpoint, batch_size=options.batch_size)
