"""What tests of publishing share: a repository, its owner's token, and the whole upload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from builders.hub.publish import Upload, prepare, upload
from tests.support.hub_store import LocalHub

TOKEN = "hf_annsOwnSecret"
REPO = "ann/small"


def publish(hub: LocalHub, data: Path, token: str = TOKEN, **options: Any) -> Upload:
    api = HfApi(hub.url, token=token)
    return upload(api, prepare(data, REPO, api.endpoint), **options)
