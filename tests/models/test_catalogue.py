"""The models that are known by name: every entry is as sound as can be shown without weights."""

from __future__ import annotations

import asyncio
import json
import shlex
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli import main
from proactivebench.errors import UsageError
from proactivebench.models import catalogue as module
from proactivebench.models.catalogue import Entry, Machine, catalogue, with_options
from proactivebench.models.load import ModelOptions, load_model
from tests.support.small_benchmark import build_small
from tests.support.stub_server import StubServer, serve_completions

ENTRIES = {f"{kind}:{name}": entry for kind, entries in catalogue().items() for name, entry in entries.items()}
LOCAL = {name: entry for name, entry in ENTRIES.items() if entry.model.startswith("hf:")}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("data"))


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [*map(str, arguments)])
    return done.exit_code, done.output


def test_the_paper_s_models_are_all_there() -> None:
    tables = json.loads(resources.files("proactivebench.published").joinpath("paper_results.json").read_bytes())
    assert [entry.paper for entry in catalogue()["paper"].values()] == list(tables["mcqa"])
    assert len(catalogue()["newer"]) >= 10


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_says_what_its_kind_of_model_takes(name: str) -> None:
    entry = ENTRIES[name]
    assert entry.options.keys() <= {field.name for field in fields(ModelOptions)}
    local = name in LOCAL
    assert (entry.family is not None, entry.billions is not None, entry.key is None) == (local, local, local)


@pytest.mark.parametrize("name", LOCAL)
def test_an_id_stands_where_it_was_seen(name: str) -> None:
    entry = LOCAL[name]
    assert entry.seen, "an id from memory"
    if "transformers" in entry.seen:
        transformers = pytest.importorskip("transformers", reason="needs the extra models")
        folder = Path(transformers.__file__).parent / "models" / str(entry.family)
        sources = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
        assert entry.model.removeprefix("hf:") in sources


@pytest.mark.parametrize("name", LOCAL)
def test_a_local_entry_is_loaded_with_its_options(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers", reason="needs the extra models")
    entry, asked = LOCAL[name], []

    def load_checkpoint(model: str, **how: Any) -> None:
        asked.append((model, how))
        raise UsageError("no weights here")

    monkeypatch.setattr("proactivebench.models.checkpoints.load_checkpoint", load_checkpoint)
    monkeypatch.setattr(Entry, "missing", lambda self: [])
    with pytest.raises(UsageError, match="no weights here"):
        load_model(name, ModelOptions(dtype="float16", attention="sdpa"))
    [(model, how)] = asked
    assert f"hf:{model}" == entry.model
    own = {key: value for key, value in entry.options.items() if key != "max_new_tokens"}
    if "chat_template" in own:
        own["chat_template"] = module.FILE.with_name(str(own["chat_template"])).read_text(encoding="utf-8")
    assert how == own | {"dtype": "float16", "attention": "sdpa"}


@pytest.mark.parametrize("name", LOCAL)
def test_transformers_has_the_family(name: str) -> None:
    transformers: Any = pytest.importorskip("transformers", reason="needs the extra models")
    from transformers.utils.import_utils import is_torchvision_available

    auto = transformers.models.auto
    family, entry = LOCAL[name].family, LOCAL[name]
    assert family in auto.configuration_auto.CONFIG_MAPPING_NAMES
    assert family in auto.processing_auto.PROCESSOR_MAPPING_NAMES
    sees = auto.modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    assert family in sees or family in auto.modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    pictures = auto.image_processing_auto.IMAGE_PROCESSOR_MAPPING_NAMES[family]
    processor = getattr(transformers, auto.processing_auto.PROCESSOR_MAPPING_NAMES[family])
    prepared = "pil" in pictures and "torchvision" not in getattr(processor, "_backends", ())
    if not is_torchvision_available():
        assert ("torchvision" in entry.needs) != prepared, "what is not prepared by PIL needs torchvision"


def test_what_the_user_says_goes_first() -> None:
    entry = catalogue()["paper"]["qwen2.5-vl-72b"]
    assert with_options(entry, ModelOptions()).device_map == "auto"
    assert with_options(entry, ModelOptions(device_map="sequential")).device_map == "sequential"
    assert with_options(entry, ModelOptions(device="cuda:1")).device_map is None


def test_a_hosted_model_is_asked_in_its_form(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    with serve_completions() as server:
        play("paper:o4-mini", server, data, tmp_path / "thinks")
        play("paper:gpt-4.1", server, data, tmp_path / "not")
    assert [(body["model"], body.get("temperature")) for body in server.requests[::6]] == [
        ("o4-mini", None),
        ("gpt-4.1", 0),
    ]


def play(spec: str, server: StubServer, data: Path, out: Path) -> None:
    code, output = run("evaluate", "--model", spec, "--base-url", server.url, "--data", data, "--out", out)
    assert code == 0, output


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("paper:qwen", "There is no model paper:qwen. There are: llava-1.5-7b, "),
        ("paper:all", "--plan writes a command for each"),
    ],
)
def test_what_is_no_entry(spec: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_model(spec, ModelOptions())


def test_what_a_model_needs_is_said_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_is_installed", lambda name: name != "torchvision")
    with pytest.raises(UsageError, match="paper:phi-4-multimodal needs torchvision, which is not installed"):
        load_model("paper:phi-4-multimodal", ModelOptions())


@pytest.mark.parametrize(
    ("gpus", "memory", "keys", "name", "said"),
    [
        ([], 24, (), "qwen2.5-vl-7b", "no: needs 19 GiB of one GPU"),
        ([], 24, (), "qwen2.5-vl-3b", "slowly, on the CPU"),
        ([24], 24, (), "qwen2.5-vl-7b", "yes"),
        ([12, 12], 24, (), "qwen2.5-vl-7b", "no: needs 19 GiB of one GPU"),
        ([80], 24, (), "qwen2.5-vl-72b", "no: needs 164 GiB of GPUs together"),
        ([80] * 3, 24, (), "qwen2.5-vl-72b", "yes"),
        ([80], 24, (), "o4-mini", "no: set OPENAI_API_KEY"),
        ([], 1, ("OPENAI_API_KEY",), "o4-mini", "yes"),
    ],
)
def test_what_would_run_on_a_machine(
    gpus: list[float], memory: float, keys: tuple[str, ...], name: str, said: str
) -> None:
    assert Machine(gpus, memory, frozenset(keys)).runs(catalogue()["paper"][name]) == said


def test_models_lists_all_with_what_they_need() -> None:
    code, output = run("models")
    assert code == 0
    for name, entry in ENTRIES.items():
        assert f"\n{name} " in output
        assert entry.model in output
    assert "This machine: GPUs " in output
    assert "Estimated, not measured; memory: 2 bytes a weight" in output


def test_a_plan_is_a_script_of_commands_that_evaluate_takes(data: Path, tmp_path: Path) -> None:
    options = ("--hint", "--max-pixels", 1000, "--system-prompt", "Be brief.", "--scenario", "QD", "--scenario", "ROD")
    options = (*options[:-2], "--extra-body", '{"top_p": 1}')
    code, output = run(
        "evaluate", "--model", "paper:all", "--plan", "--data", data, "--out", tmp_path / "all", *options
    )
    assert code == 0, output
    rule, how, *commands, total = output.splitlines()
    assert rule.startswith("# 22 models, 6 episodes each. Estimated, not measured;")
    assert how.startswith("# memory: 2 bytes a weight and 20% more; time: 6 ms of an 80 GB GPU per request")
    assert total.startswith("# In all 0.0 h of a GPU and 0.0 h of hosted models")
    assert len(commands) == 22
    for command, name in zip(commands, catalogue()["paper"], strict=True):
        words = shlex.split(command, comments=True)
        assert words[:4] == ["proactivebench", "evaluate", "--model", f"paper:{name}"]
        assert words[-2:] == ["--out", str(tmp_path / "all" / name)]
        assert set(words) >= {"--hint", "1000", "Be brief.", "QD", '{"top_p": 1}', str(data)}
    code, again = run(*shlex.split(commands[0], comments=True)[1:], "--plan")
    assert code == 0, again
    assert not (tmp_path / "all").exists(), "nothing is played"


def test_a_plan_reckons_by_the_paper_s_own_requests() -> None:
    from commands.models import _requests
    from proactivebench.evaluation.settings import Settings

    ov = catalogue()["paper"]["llava-ov-0.5b"]  # psr 2.3 on ROD, with a hint 5.6
    assert _requests(ov, {"ROD": 10}, Settings()) == pytest.approx(33)
    assert _requests(ov, {"ROD": 10}, Settings(hint=True)) == pytest.approx(66)
    assert _requests(ov, {"ROD": 10}, Settings(mode="reference")) == 10
    assert ov.seconds(1000) == pytest.approx(5.4)
    assert catalogue()["paper"]["gpt-4.1"].seconds(640) == 20
    assert catalogue()["paper"]["o4-mini"].seconds(640) == 200


def test_a_plan_is_for_known_models(data: Path, tmp_path: Path) -> None:
    code, output = run("evaluate", "--model", "org/m", "--plan", "--data", data, "--out", tmp_path / "x")
    assert code == 2
    assert "--plan is for models that are known by name (paper:all, newer:all), not for org/m." in output


def test_a_cache_serves_a_known_model_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    model = load_model("paper:gpt-4.1", ModelOptions(cache=tmp_path / "cache"))
    assert type(model).__name__ == "CachedModel"
    asyncio.run(model.close())
