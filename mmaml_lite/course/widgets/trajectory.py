"""What one trajectory told the encoder: move the target, and watch its rewards and its embedding.

One line in a notebook of your own:

    trajectory_explorer(Crowd(zoo.load("cheetah-location/2-modes/mumomaml-film"), 200))
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import ipywidgets as W
import numpy as np
import torch

from mmaml_lite.core.statistics import interval, neighbour_vote
from mmaml_lite.course import figures
from mmaml_lite.course.figures.numerals import change, number
from mmaml_lite.course.figures.reached import ReachedView
from mmaml_lite.course.figures.reading import ReadingView
from mmaml_lite.course.figures.trajectory import TrajectoryView
from mmaml_lite.course.studies.reading import reading
from mmaml_lite.course.studies.trajectory import Blind, Losses, blind, by_steps
from mmaml_lite.course.widgets import controls as C
from mmaml_lite.course.widgets.exploration import Crowd
from mmaml_lite.course.widgets.explorer import Explorer
from mmaml_lite.rl.half_cheetah import HalfCheetahWorld, TargetSpeed

WIDE = {"flex": "1 1 340px", "width": "auto", "max_width": "600px"}
FAR = 3.0  # spreads from every mode: such targets were hardly ever seen in training


def mode_names(world: HalfCheetahWorld) -> list[str]:
    """The modes in words."""
    return [f"around {x:+g} {world.UNIT}".replace("-", "−") for (x,) in world.centres]


def trajectory_view(
    crowd: Crowd, once: Blind, target: float, steps: int, colour: str = "mode"
) -> TrajectoryView:
    """All that `figures.trajectory` draws for one target and one blind trajectory."""
    world = crowd.world
    here = crowd.embed(once.told(target, steps))
    return TrajectoryView(
        target=float(target),
        steps=steps,
        colour=colour,
        names=mode_names(world),
        what=f"{'speed' if isinstance(world, TargetSpeed) else 'x'}, {world.UNIT}",
        reached=once.reached.numpy(),
        rewards=once.rewards(target).numpy(),
        mirrored=once.rewards(-target).numpy(),
        points=crowd.map.points,
        kind=crowd.map.kind,
        mode=crowd.mode.numpy(),
        goals=crowd.goals[:, 0].numpy(),
        place=crowd.map.place(here.numpy())[0],
        near=crowd.neighbours(here).numpy(),
        spread=world.spread,
        centres=[x for (x,) in world.centres],
    )


def reading_view(crowd: Crowd, steps: Sequence[int]) -> ReadingView:
    """All that `figures.reading` draws: what embeddings of the crowd's first steps tell."""
    distance, mode = crowd.goals.abs(), crowd.mode
    read = by_steps(crowd.model.learner, crowd.seen, list(steps))
    nothing = (distance - distance.mean()).abs().median().item()
    return ReadingView(
        steps=list(steps),
        vote=[neighbour_vote(e, mode) for e in read],
        miss=[(reading(e, distance) - distance).abs().median().item() for e in read],
        blank=nothing,
        modes=len(crowd.world.centres),
        unit=crowd.world.UNIT,
    )


def reached_view(
    world: HalfCheetahWorld, goals: torch.Tensor, found: Mapping[str, Losses]
) -> ReachedView:
    """All that `figures.reached` draws of what `stage_losses` found."""
    speed = isinstance(world, TargetSpeed)
    parts = ("aside", "around", "torque")
    return ReachedView(
        goals=goals[:, 0].numpy(),
        stages=list(found),
        unit=world.UNIT,
        settled=[stage.settled.numpy() for stage in found.values()],
        what=f"mean {'speed' if speed else 'place'}, {world.UNIT}",
        parts={
            part: [getattr(stage, part).mean().item() for stage in found.values()] for part in parts
        },
    )


def account(found: Mapping[str, Losses], without: Mapping[str, Losses]) -> str:
    """What modulation changes at each stage, and in which part of the return, in Markdown.

    found, without: of the same tasks with the encoder's modulation and with none.
    """
    (_, before), (_, after), *_ = found.items()
    parts = {
        "being beside the target": before.aside - after.aside,
        "swinging around it": before.around - after.around,
        "torque": before.torque - after.torque,
    }
    says = [f"{name} {change(interval(value))}" for name, value in parts.items()]
    last = list(found)[-1]
    alone, then = after.returns - before.returns, found[last].returns - without[last].returns
    return (
        f"Modulation alone changes the return by **{change(interval(alone))}**: "
        f"{', '.join(says)}. And {last}, compared with the *same* number of gradient steps without "
        f"modulation: **{change(interval(then))}**. (Plus is a gain; {len(then)} tasks, ± is the "
        "95 % interval.)"
    )


def trajectory_summary(view: TrajectoryView) -> str:
    """What rewards say, and what the neighbours in the embedding say about mode and target."""
    target, near, rewards = view.target, view.near, view.rewards[: view.steps]
    apart = np.abs(rewards - view.mirrored[: view.steps]).max()
    votes = np.bincount(view.mode[near], minlength=len(view.names))
    off = np.abs(view.goals[near] - target).mean()
    says = (
        f"Target {number(target, 2, plus=True)}; {view.steps} steps read. So far the "
        f"rewards of target and mirror image were at most {apart:.2f} apart. <b>{votes.max()} of "
        f"its {len(near)} nearest neighbours</b> are of the mode "
        f"{view.names[votes.argmax()]}; their targets lie {off:.2f} from this one on average "
        f"(two targets of one mode: {2 / np.sqrt(np.pi) * view.spread:.2f})."
    )
    if np.abs(np.array(view.centres) - target).min() >= FAR * view.spread:
        says += " <b>Such targets were hardly ever trained.</b>"
    return says


def trajectory_explorer(crowd: Crowd, target: float | None = None, seed: int = 0) -> Explorer:
    """Explorer of one blind trajectory: what it was paid for any target, and what was read of it.

    target: where it starts, by default beside the last mode's centre.
    """
    world = crowd.world
    outer = max(abs(x) for (x,) in world.centres) + 3 * world.spread
    step = 0.1 if world.spread > 1 else 0.05
    first = world.centres[-1][0] - world.spread / 2 if target is None else target
    controls = {
        "target": C.slider("target", first, -outer, outer, step),
        "steps": C.slider("steps read", world.horizon, 1, world.horizon, 1),
        "colour": C.choice("colour by", {"mode": "mode", "target": "target"}, "mode"),
        "seed": C.Again("another run", seed),
    }
    for wide in ("target", "steps"):
        controls[wide].layout = WIDE
    once = lru_cache(maxsize=32)(lambda seed: blind(crowd.model.learner, seed))

    def compute(target, steps, colour, seed):
        return trajectory_view(crowd, once(seed), target, steps, colour)

    def arrange(c, screen):
        pairs = (("target", "steps"), ("colour", "seed"))
        return W.VBox([*(C.line(c[k] for k in pair) for pair in pairs), screen])

    return Explorer(
        "trajectory",
        controls,
        compute,
        figures.trajectory,
        figures.redraw_trajectory,
        trajectory_summary,
        models=[crowd.model],
        arrange=arrange,
    )
