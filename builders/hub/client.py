"""The Hub's client: where it comes from, and what its errors mean to a person.

Tokens are the business of `huggingface_hub`: it takes them from HF_TOKEN or from `hf auth login`. They are never stored
or printed here, and are cut out of whatever a server sends back before it becomes a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from proactivebench.errors import ProactiveBenchError, UsageError, require_extra
from proactivebench.plain_text import HIDDEN

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

_LOG_IN = "Log in with `hf auth login`, or set HF_TOKEN"


class HubError(ProactiveBenchError):
    """The Hub refuses, or what it holds cannot be used."""


class TransferError(HubError):
    """A transfer stopped in the middle; what has arrived is kept."""

    resumes = True


class UnreachableError(TransferError):
    """The Hub cannot be reached, or the connection broke."""


def connect() -> HfApi:
    """The client of the Hub that HF_ENDPOINT names, by default huggingface.co.

    Raises:
        MissingExtraError: `huggingface_hub` is not installed.
    """
    with require_extra("The Hub", "hub"):
        from huggingface_hub import HfApi
    from proactivebench import __version__

    return HfApi(library_name="proactivebench-toolkit", library_version=__version__)


def require_name(repo: str) -> None:
    """Makes sure that a repository's name can be one, without asking the Hub.

    Raises:
        UsageError: It is not of the form USER/NAME.
    """
    from huggingface_hub.utils import validate_repo_id

    with explained(repo):
        validate_repo_id(repo)
    if "/" not in repo:
        raise UsageError(f"{repo!r} is not a valid repository name: expected USER/NAME.")


@contextmanager
def explained(repo: str) -> Iterator[None]:
    """Turns errors of the client into messages about a data set repository.

    Raises:
        UsageError: The name is not valid, or there is no such revision.
        UnreachableError: No connection, or the Hub is overloaded.
        HubError: The repository does not exist or may not be read or written, or the Hub refuses for another reason.
    """
    from huggingface_hub import errors

    client_error = cast(
        "type[Exception]", errors.HfHubHTTPError.__mro__[1]
    )  # of its HTTP library, once httpx, now httpx2
    try:
        yield
    except errors.HFValidationError:
        raise UsageError(f"{repo!r} is not a valid repository name: expected USER/NAME.") from None
    except errors.GatedRepoError:
        raise HubError(
            f"{repo} asks its readers to accept conditions. Accept them on its page on the Hub. {_LOG_IN}."
        ) from None
    except errors.RevisionNotFoundError:
        raise UsageError(f"{repo} has no such revision: expected a branch, a tag or a commit.") from None
    except errors.HfHubHTTPError as error:
        raise _refusal(repo, error) from None
    except errors.LocalTokenNotFoundError:
        raise UsageError(f"{repo}: no token is known. {_LOG_IN} to one that may write.") from None
    except (client_error, ConnectionError) as error:
        raise UnreachableError(f"{repo}: the Hub cannot be reached ({_clean(error)}).") from None
    except (OSError, ValueError, RuntimeError) as error:  # a file that cannot be read, an answer that makes no sense
        raise TransferError(f"{repo}: the transfer failed ({_clean(error)}).") from error


def _refusal(repo: str, error: HfHubHTTPError) -> HubError:
    status = error.response.status_code
    said = _clean(error.server_message or error.response.reason_phrase)
    if status == 401:
        return HubError(f"{repo}: this data set does not exist, or you are not logged in ({said}). {_LOG_IN}.")
    if status == 403:
        return HubError(f"{repo}: your token may not do this ({said}). {_LOG_IN} to one with the right to write there.")
    if status == 404:
        return HubError(f"{repo}: there is no such data set, or it is private ({said}). {_LOG_IN} if it is yours.")
    if status in {409, 412}:
        return TransferError(f"{repo}: somebody else changed it just now ({said}).")
    if status == 429 or status >= 500:
        return UnreachableError(f"{repo}: the Hub answers {status} ({said}).")
    return HubError(f"{repo}: the Hub refuses with {status} ({said}).")


def _clean(text: object) -> str:
    from huggingface_hub import get_token

    words = " ".join(str(text).split())
    return words.replace(token, HIDDEN) if (token := get_token()) else words
