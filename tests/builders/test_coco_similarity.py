"""COCO: which categories are confused with each other."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from builders.coco import CocoBuilder
from builders.coco_similarity import HARD, RANDOM, Similarity, get_similarity
from proactivebench.errors import UsageError
from raw_sources import fakes
from raw_sources.coco import CATEGORIES, SUPERCATEGORIES, Coco


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_coco(tmp_path_factory.mktemp("coco"), images=12)


class TestSimilarity:
    def test_wrong_categories_are_of_the_same_kind_by_default(self, raw: Path) -> None:
        source = Coco.locate(raw)
        kinds = {f"{name.capitalize()}.": kind for name, kind in SUPERCATEGORIES.items()}
        for record in source.records():
            fields = CocoBuilder(source).plan_record(record).samples[0].fields
            assert {kinds[text] for text in fields["categories"]} == {kinds[fields["answer"]]}

    def test_every_category_has_similar_ones(self) -> None:
        for category in CATEGORIES:
            similar = HARD.similar[category]
            assert len(set(similar) - {category}) == len(similar) >= 3
            kinds = {SUPERCATEGORIES[other] for other in similar}
            assert kinds == ({"animal"} if category == "person" else {SUPERCATEGORIES[category]})

    def test_random_wrong_categories_come_from_all(self, raw: Path) -> None:
        records = list(Coco.locate(raw).records())
        shown = set()
        for seed in range(40):
            builder = CocoBuilder(Coco.locate(raw), seed=seed, similarity=RANDOM)
            shown |= {
                text for record in records for text in builder.plan_record(record).samples[0].fields["categories"]
            }
        assert len(shown) == len(CATEGORIES) == 80

    def test_a_file_decides_the_wrong_categories(self, raw: Path, tmp_path: Path) -> None:
        ranking = {name: [other for other in reversed(CATEGORIES) if other != name] for name in CATEGORIES}
        path = tmp_path / "near.json"
        path.write_text(json.dumps(ranking))
        similarity = get_similarity(str(path), tmp_path)
        assert similarity.name == "near.json"
        source = Coco.locate(raw)
        for record in source.records():
            fields = CocoBuilder(source, similarity=similarity).plan_record(record).samples[0].fields
            assert set(fields["categories"]) - {fields["answer"]} == {"Toothbrush.", "Hair drier.", "Teddy bear."}

    def test_another_ranking_is_another_build(self, raw: Path) -> None:
        one, two = ({name: list(order) for name in CATEGORIES} for order in (CATEGORIES[:4], CATEGORIES[4:8]))
        settings = [CocoBuilder(Coco.locate(raw), similarity=Similarity("file", r)).settings() for r in (one, one, two)]
        assert settings[0] == settings[1] != settings[2]

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("{", "is not a JSON object from each category"),
            ('{"dog": "cat"}', "is not a JSON object from each category"),
            ('{"person": ["dog", "cat"]}', "'person' needs 3 other categories, found 2"),
            ('{"person": ["dog", "person", "dog", "cat"]}', "'person' needs 3 other categories, found 2"),
            ('{"person": ["dog", "cat", "unicorn"]}', "'person' lists 'unicorn', which is not a category"),
        ],
    )
    def test_a_bad_file_is_explained(self, text: str, complaint: str, tmp_path: Path) -> None:
        path = tmp_path / "near.json"
        path.write_text(text)
        with pytest.raises(UsageError) as raised:
            get_similarity(str(path), tmp_path)
        assert str(path) in str(raised.value)
        assert complaint in str(raised.value)

    def test_a_missing_file_names_the_alternatives(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"`supercategories`, `random`, `clip:MODEL` or a file"):
            get_similarity(str(tmp_path / "none.json"), tmp_path)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP text model of random weights, with a tokenizer of letters."""
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    import torch

    folder = tmp_path_factory.mktemp("clip")
    letters = "abcdefghijklmnopqrstuvwxyz"
    special = ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: i for i, token in enumerate([*letters, *(f"{a}</w>" for a in letters), *special])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    transformers.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.CLIPTextConfig(
        vocab_size=len(vocabulary), hidden_size=16, intermediate_size=16, projection_dim=8, num_hidden_layers=1,
        num_attention_heads=2, bos_token_id=len(vocabulary) - 2, eos_token_id=len(vocabulary) - 1, pad_token_id=1,
    )  # fmt: skip
    transformers.CLIPTextModelWithProjection(config).save_pretrained(folder)
    return folder


class TestClip:
    def test_the_nearest_texts_are_kept_and_found_again(self, clip: Path, tmp_path: Path) -> None:
        similarity = get_similarity(f"clip:{clip}", tmp_path)
        assert set(similarity.similar) == set(CATEGORIES)
        for name in CATEGORIES:
            assert len({name, *similarity.similar[name]}) == 4
        assert len({tuple(similarity.similar[name]) for name in CATEGORIES}) > 10
        [kept] = tmp_path.iterdir()
        before = kept.stat().st_mtime_ns
        again = get_similarity(f"clip:{clip}", tmp_path)
        assert again == similarity
        assert kept.stat().st_mtime_ns == before
        by_hand = get_similarity(str(kept), tmp_path)
        assert by_hand.digest == similarity.digest

    def test_nearest_means_most_similar(self, clip: Path, tmp_path: Path) -> None:
        import torch
        from transformers import AutoTokenizer, CLIPTextModelWithProjection

        get_similarity(f"clip:{clip}", tmp_path)
        [kept] = tmp_path.iterdir()
        ranking = json.loads(kept.read_bytes())
        assert sorted(["dog", *ranking["dog"]]) == sorted(CATEGORIES)
        tokenizer, encoder = AutoTokenizer.from_pretrained(clip), CLIPTextModelWithProjection.from_pretrained(clip)

        def embedding(name: str) -> torch.Tensor:
            with torch.inference_mode():
                embeds: torch.Tensor = encoder(**tokenizer(f"a photo of a {name}", return_tensors="pt")).text_embeds
                return embeds[0]

        def similar(name: str) -> float:
            return float(torch.nn.functional.cosine_similarity(embedding("dog"), embedding(name), dim=0))

        values = [similar(name) for name in ranking["dog"]]
        assert all(first >= second - 1e-5 for first, second in pairwise(values))

    def test_a_model_that_is_not_there_is_an_error_in_words(self, tmp_path: Path) -> None:
        pytest.importorskip("transformers")
        with pytest.raises(UsageError, match="cannot be loaded"):
            get_similarity(f"clip:{tmp_path / 'none'}", tmp_path)

    def test_code_of_the_model_is_never_run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        transformers = pytest.importorskip("transformers")
        asked = []

        def load(model: str, **options: object) -> None:
            asked.append(options)
            raise OSError("nothing there")

        for name in ("AutoTokenizer", "CLIPTextModelWithProjection"):
            monkeypatch.setattr(getattr(transformers, name), "from_pretrained", load)
        with pytest.raises(UsageError, match="nothing there"):
            get_similarity("clip:some/model", tmp_path)
        assert asked == [{"trust_remote_code": False}]
