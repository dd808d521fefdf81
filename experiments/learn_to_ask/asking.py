"""A guesser learns when to ask: its last layer alone, in seconds. Read `run` from top to bottom.

    python -m experiments.learn_to_ask.asking --raw QUICKDRAW --out asking

It begins with `demo:guesser`. Drawings that the guesser has learned to name are known too well to learn doubt from, so
it learns to ask on others: the `train` part of `data`, all but the first drawing of each class, which is the validation
part. Whatever is chosen is chosen there (`LOG.md`); the test drawings are looked at once, at the end.

What is learned is first what would have paid: in every frame to ask if a later frame's right name, less what the
suggestions up to there cost, is more probable than the one of this frame, as the guesser has it; else to name what is
drawn. Then it is what asking is worth: what the model itself would get from the next frame on, less the cost, against
what it would get by naming now. Asking on the complete drawing gets nothing; so a model learns to see that a drawing is
complete. In both, how probable a right name is stays what the guesser found at the start, which had not been trained on
these drawings. A model that learns from its own probabilities comes to know the drawings by heart, and asks no more.
"""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass
from math import cos, pi
from pathlib import Path
from random import Random
from typing import Any

import click
import torch
from rich.console import Console

from commands.shared import quieten
from experiments.learn_to_ask import data
from experiments.learn_to_ask.beside import curves, described, play, scores
from experiments.learn_to_ask.fair import Guessers
from experiments.learn_to_ask.last_layer import LastLayer, returns
from experiments.learn_to_ask.plot_asking import asking_table, draw_asking
from experiments.learn_to_ask.stages import Stages, make_stages, read
from proactivebench.models.checkpoints import load_checkpoint
from proactivebench.work.files import whole, write_json

GUESSER = "demo:guesser"

DECISION = 4.0
"""Weight of what is gained or lost by asking, in accuracy, beside that of naming."""

KNOWN_TO_GUESSERS = 9
"""Drawings of each class from which the leak filter's guessers learn; the warm-up's."""


@dataclass(frozen=True)
class Recipe:
    """How the last layer learns.

    Attributes:
        cost: Of a suggestion, in accuracy.
        steps: Updates.
        hindsight: Share of them, the first, that learn what would have paid; the others what asking is worth.
        drawings: In each.
        rate: Highest learning rate; it falls as a cosine.
        naming: Weight of naming where categories alone are offered, in every second step.
        variants: How often each drawing is drawn anew.
        alike: Share of the prompts whose wrong names resemble the right one.
        seeds: Repetitions.
    """

    cost: float = 0.04
    steps: int = 350
    hindsight: float = 0.3
    drawings: int = 16
    rate: float = 1e-3
    naming: float = 0.5
    variants: int = 3
    alike: float = 0.5
    seeds: int = 3


def learn(start: LastLayer, stages: Stages, recipe: Recipe, seed: int) -> LastLayer:
    """Trains a last layer; the one it starts from is changed, and returned."""
    random = Random(seed)
    torch.manual_seed(seed)
    _, named = start.probabilities(stages)
    right = torch.tensor(stages.right).repeat_interleave(torch.tensor(stages.lengths)) + 1
    honest = named.gather(1, right[:, None])[:, 0].clone()
    asks = hindsight(honest, stages.lengths, recipe.cost)
    weights = [*start.layer.parameters(), *start.norm.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=0.05)
    order: list[int] = []
    starts = stages.starts
    start.train()
    for step in range(recipe.steps):
        fallen = 0.5 + 0.5 * cos(pi * step / recipe.steps)
        optimizer.param_groups[0]["lr"] = recipe.rate * min(1, (step + 1) / 20) * fallen
        if len(order) < recipe.drawings:
            order = list(range(len(stages.lengths)))
            random.shuffle(order)
        batch = [order.pop() for _ in range(recipe.drawings)]
        lengths = [stages.lengths[number] for number in batch]
        frames = torch.cat([torch.arange(starts[number], starts[number + 1]) for number in batch])
        options = stages.options[batch].repeat_interleave(torch.tensor(lengths), 0)
        answers = options.gather(1, right[frames, None])
        said = start(stages.asked[frames])
        if step < int(recipe.steps * recipe.hindsight):
            targets = torch.where(asks[frames, None], options[:, :1], answers)
            loss = -said.gather(1, targets).mean()
        else:
            ask, name = (said.gather(1, words)[:, 0] for words in (options[:, :1], answers))
            gained = returns(ask.detach().exp(), honest[frames], lengths, recipe.cost) - recipe.cost - honest[frames]
            stay = torch.log1p(-ask.exp().clamp(max=1 - 1e-6))
            loss = -DECISION * (gained.abs() * torch.where(gained > 0, ask, stay)).mean()
            loss = loss - recipe.naming * (name - stay).mean()
        if step % 2 == 0:
            loss = loss - recipe.naming * start(stages.forced[frames]).gather(1, answers).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
    return start


def hindsight(right: torch.Tensor, lengths: list[int], cost: float) -> torch.Tensor:
    """In which frames to ask would have paid.

    Args:
        right: Probability of the right name, frame by frame, one drawing after the other.
        lengths: Frames of each drawing.
        cost: Of a suggestion.
    """
    asks = torch.zeros(len(right), dtype=torch.bool)
    end = 0
    for length in lengths:
        end += length
        best = float(right[end - 1])
        for frame in range(end - 2, end - length - 1, -1):
            asks[frame] = best - cost > right[frame]
            best = max(float(right[frame]), best - cost)
    return asks


def run(raw: Path, out: Path, recipe: Recipe, console: Console) -> dict[str, Any]:
    """Trains all seeds, saves the models, and measures them.

    Returns:
        The results, as JSON values: for `validation`, `test` and `resembling` (the test drawings beside wrong names
        that resemble), each `whole` and `filtered`, the guesser, every seed and the mean over seeds.
    """
    drawings = out / "drawings"
    if not drawings.exists():
        data.split(raw, drawings)
    guesser = load_checkpoint(GUESSER, device="cpu", dtype="float32")
    console.print("Looking at the drawings")
    shown = make_stages(guesser, read(drawings / "train", 1), variants=recipe.variants, alike=recipe.alike, seed=1)
    learned = []
    for seed in range(recipe.seeds):
        console.print(f"Learning to ask, seed {seed}")
        learned.append(learn(LastLayer(guesser), shown, recipe, seed))

    guessers = Guessers(read(drawings / "warm_up", 0, KNOWN_TO_GUESSERS))
    test = read(drawings / "test", 0)
    measured = {
        "validation": make_stages(guesser, read(drawings / "train", 0, 1)),
        "test": make_stages(guesser, test),
        "resembling": make_stages(guesser, test, alike=1.0),
    }
    results: dict[str, Any] = {}
    for name, stages in measured.items():
        console.print(f"Measuring: {name}")
        before, after = play(LastLayer(guesser), stages), [play(one, stages) for one in learned]
        fair = guessers.keep(guesser, stages)
        for part, chosen in {"whole": [True] * len(fair), "filtered": fair}.items():
            seeds = [scores(one, before, chosen) for one in after]
            results[f"{name}, {part}"] = {
                "n": sum(chosen),
                "guesser": described([scores(before, before, chosen)]),
                "seeds": [described([one]) for one in seeds],
                "mean": described(seeds),
                "curves": curves(after, before, chosen),
            }

    for seed, one in enumerate(learned):
        folder = out / f"asker-seed{seed}"
        if not folder.exists():
            one.put_back(guesser)
            with whole(folder) as unfinished:
                guesser.network.save_pretrained(unfinished)
                guesser.processor.save_pretrained(unfinished)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    return {"date": today, "recipe": asdict(recipe), "parts": results}


@click.command()
@click.option("--raw", type=click.Path(path_type=Path, exists=True, file_okay=False), default=data.BUNDLED)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("asking"), show_default=True)
def main(raw: Path, out: Path) -> None:
    """Teach demo:guesser when to ask, and measure it on new drawings."""
    quieten()
    console = Console(stderr=True, highlight=False)
    results = run(raw, out, Recipe(), console)
    write_json(out / "asking.json", results)
    draw_asking(results, out / "asking.png")
    click.echo(asking_table(results))
    console.print(f"Everything is in {out}: asking.json, asking.png and a model for each seed.")


if __name__ == "__main__":
    main()
