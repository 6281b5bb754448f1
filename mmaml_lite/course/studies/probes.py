"""What lesson 7 measures itself, on few episodes: accuracy by steps and shots, and by company."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmaml_lite.characters.domain import SETTING, episodes
from mmaml_lite.characters.evaluation import accuracies, dealt, first_of
from mmaml_lite.characters.learner import CharacterLearner
from mmaml_lite.characters.settings import CharacterSettings
from mmaml_lite.characters.tasks import Episodes
from mmaml_lite.core import zoo
from mmaml_lite.core.statistics import interval
from mmaml_lite.course.studies.cast import Cast
from mmaml_lite.course.studies.players import CAST
from mmaml_lite.course.studies.sorting import at_hand

DATA = ("auto", "omniglot", "strokes")
SOURCE_WORDS = {
    "omniglot": "Omniglot",
    "strokes": "invented characters",
    "inverted_omniglot": "Omniglot, ink inverted",
    "inverted_strokes": "invented characters, ink inverted",
}


def chosen_setting(data: str = "auto", ways: int = 5) -> tuple[str, str]:
    """The setting that the lesson shows, and a sentence that says why.

    data: "strokes", or "omniglot" where it is at hand; "auto" takes Omniglot where both drawings
    and weights are. Raises ValueError for another word.
    """
    if data not in DATA:
        raise ValueError(f"unknown data {data!r}: known are {', '.join(DATA)}")
    real, invented = (f"{name}-{ways}way-1shot" for name in ("omniglot", "strokes"))
    if data == "strokes":
        return invented, "You asked for invented characters."
    setting, note = at_hand(real)
    if note:
        return setting, (
            f"{note} (For the real ones, 14 MB: `from mmaml_lite import omniglot; "
            "omniglot.load(fetch=True)`, then restart.)"
        )
    if data == "auto" and not zoo.available(f"characters/{real}"):
        return invented, f"No weights for {real} yet, so these characters are invented."
    return real, "These are real characters, from fifty alphabets: Omniglot (Lake et al. 2015)."


def described(setting: str) -> str:
    """A setting in words: "Omniglot, 5 ways, 1 shot"."""
    found = SETTING.fullmatch(setting)
    if not found:
        return setting
    names = " and ".join(SOURCE_WORDS.get(name, name) for name in found["sources"].split("+"))
    shots = int(found["shots"])
    tail = ", split by alphabets" if setting.endswith("-alphabets") else ""
    return f"{names}, {found['ways']} ways, {shots} shot{'s' if shots > 1 else ''}{tail}"


def missing(setting: str, cast: Cast, *keys: str) -> str:
    """One line that says which weights are not there and how to get them; "" if all are."""
    first = first_of(setting)  # whose weights would do
    absent = [f"characters/{first}/{CAST[key]}" for key in keys if key not in cast]
    return zoo.untrained(absent, "half an hour to an hour on one core", "ours")


def constants(model: zoo.Model) -> str:
    """How a model was trained, in a line of Markdown."""
    s = model.settings
    parts = [
        f"{s.iterations:,} outer steps of {s.tasks} tasks",
        f"{s.queries} quer{'y' if s.queries == 1 else 'ies'} of each character",
        f"normalisation `{s.normalisation}`",
    ]
    if s.train_steps:
        size = f"learned, from {s.step_size}" if s.learn_step_size else f"{s.step_size}"
        parts.append(f"inner steps: {s.train_steps} in training, {s.steps} in the test; α {size}")
    if s.features_first and s.train_steps:
        share = f"{100 * s.features_first:.0f} %"
        classes = f", on tasks of {s.features_ways} characters" if s.features_ways else ""
        parts.append(f"for the first {share} features as a prototypical network's{classes}")
    if s.zero_output and s.train_steps:
        parts.append("the output layer starts every task at zero")
    return f"- **{model.label}**, recipe `{s.recipe}`: {'; '.join(parts)}."


def deal(
    settings: CharacterSettings,
    tasks: int,
    queries: int = 5,
    shots: int | None = None,
    seed: int = 0,
) -> Episodes:
    """Test episodes of a setting, with so many queries of each class; shots: another number."""
    generator = torch.Generator().manual_seed(7_000_000 + seed)
    s = settings if shots is None else settings.replace(shots=shots, queries=1)
    return episodes(s, tasks, generator, "test", queries)


def by_steps(
    cast: Cast, steps: int, tasks: int, queries: int = 3, seed: int = 0
) -> dict[str, list[dict[str, float]]]:
    """Accuracy at every stage, key -> `interval`s `(steps + 1)`, the same episodes for all.

    A prototypical network takes no steps and has one stage.
    """
    found = {}
    for key, model in cast.items():
        batch = deal(model.settings, tasks, queries, seed=seed)
        own = 0 if model.settings.head == "prototypes" else steps
        right, _ = accuracies(model.learner, iter([batch]), own)
        found[key] = [interval(stage) for stage in right]
    return found


def by_shots(
    cast: Cast, shots: Iterable[int], tasks: int, queries: int = 3, seed: int = 0
) -> dict[str, dict[int, dict[str, float]]]:
    """Accuracy after the last step for K support images, key -> K -> `interval`.

    The same weights for every K: nothing in the learners depends on it but, where no output layer
    is learned, the recipe's step sizes.
    """
    found: dict[str, dict[int, dict[str, float]]] = {key: {} for key in cast}
    for many in shots:
        for key, model in cast.items():
            s = model.settings
            other = s.any_ways and many != s.shots
            learner = dealt(model, s.ways, many).learner if other else model.learner
            right, _ = accuracies(learner, iter([deal(s, tasks, queries, many, seed)]))
            found[key][many] = interval(right[-1])
    return found


class Company(NamedTuple):
    """Answers to the same queries in different company.

    certainty: normalisation -> `(queries, companies)`, for the right character; answer: the same
    shape, the character it says; truth `(queries,)`; names of the companies.
    """

    certainty: dict[str, Tensor]
    answer: dict[str, Tensor]
    truth: Tensor
    names: list[str]

    def changed(self, kind: str) -> float:
        """The share of queries whose answer depends on the company, 0 to 1."""
        answer = self.answer[kind]
        return (answer != answer[:, :1]).any(1).float().mean().item()


COMPANY = [
    "alone",
    "one of each<br>character",
    "nine more<br>of its own",
    "nine of<br>another one",
]


@torch.no_grad()
def company(
    learner: CharacterLearner, episode: Episodes, kinds: Iterable[str] = ("support", "transductive")
) -> Company:
    """Ask one query of each class of the first task in four companies, with each normalisation.

    episode: with ten queries of each class at least. The fast weights, after all steps, are the
    same throughout.
    """
    task = episode[:1]
    ways, each = task.ways, task.query.y.shape[1] // task.ways
    if each < 10:
        raise ValueError(f"ten queries of each class are wanted, got {each}")
    drawn = task.query.x[0].view(ways, each, *task.query.x.shape[2:])
    tau = learner.modulate(learner.embed(task.support))
    theta = learner.adapt(task.support, tau)[-1]
    certainty: dict[str, Tensor] = {}
    answer: dict[str, Tensor] = {}
    for kind in kinds:
        rows = []
        for c in range(ways):
            others = [i for i in range(ways) if i != c]
            groups = [[], drawn[others, 0], drawn[c, 1:10], drawn[others[0], 1:10]]
            asked = [torch.cat([drawn[c, :1], *([g] if len(g) else [])])[None] for g in groups]
            logits = [
                learner.predict(theta, tau, task.support, x, normalisation=kind)[0, 0]
                for x in asked
            ]
            rows.append(torch.stack(logits))
        chances = torch.stack(rows).softmax(-1)  # (queries, companies, ways)
        certainty[kind] = torch.stack([chances[c, :, c] for c in range(ways)])
        answer[kind] = chances.argmax(-1)
    return Company(certainty, answer, torch.arange(ways), COMPANY)


def company_share(model: zoo.Model, tasks: int, seed: int = 0) -> dict[str, float]:
    """Over some episodes: the share of queries whose answer changes with their company."""
    dealt = deal(model.settings, tasks, 10, seed=seed)
    kinds = dict.fromkeys([model.settings.normalisation, "transductive"])
    asked = [company(model.learner, dealt[i : i + 1], kinds) for i in range(tasks)]
    return {kind: sum(c.changed(kind) for c in asked) / tasks for kind in kinds}


def by_mode(cast: Cast, settings: CharacterSettings, tasks: int, seed: int = 0) -> dict[str, Any]:
    """Accuracy on each source of `settings`: source -> key -> `interval`s of every stage."""
    batch = deal(settings, tasks * len(settings.sources), 3, seed=seed)
    found: dict[str, Any] = {name: {} for name in settings.sources}
    for key, model in cast.items():
        right, modes = accuracies(model.learner, iter([batch]))
        for i, name in enumerate(settings.sources):
            found[name][key] = [interval(stage[modes == i]) for stage in right]
    return found
