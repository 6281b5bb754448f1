"""How quickly the trajectory encoder can learn to read, told what it should have read.

Meta-training asks the encoder to read a half-cheetah's target and answers in noisy returns only.
Here it is told: the same encoder, the same batches of one blind trajectory each, Adam with the
recipe's learning rate, and the target itself as what is wanted. What is slow here cannot be quick
there. Run it as `python benchmarks/reading.py`; about five minutes on one core.

The trajectories are those of a policy that has learned nothing yet; with `--trained` those of the
zoo's MuMoMAML without its modulation. Prints one Markdown table: on tasks that were not trained on,
how far off the reading is, and for how many it is on the right side; mean over seeds and the range.
"""

import argparse

import torch
from torch import Tensor, nn

from mmaml_lite.core import zoo
from mmaml_lite.core.domain import build
from mmaml_lite.course.studies.navigation import explore
from mmaml_lite.rl.encoder import TrajectoryEncoder
from mmaml_lite.rl.learner import PolicyLearner
from mmaml_lite.rl.sampling import Trajectories
from mmaml_lite.rl.settings import CheetahSettings

NAMES = ("cheetah-location/2-modes/mumomaml-film", "cheetah-speed/2-modes/mumomaml-film")
LOOKS = (100, 200, 400)  # steps of Adam after which the encoder is asked


class Reader(nn.Module):
    """An encoder, and a linear layer that names the target in the world's units."""

    def __init__(self, settings: CheetahSettings, features: int, both_ways: bool):
        super().__init__()
        s = settings
        self.encoder = TrajectoryEncoder(features, s.encoder_hidden, s.encoder_scales, both_ways)
        self.name = nn.Linear(self.encoder.size, 1)

    def forward(self, seen: Trajectories) -> Tensor:
        """Trajectories of tasks -> their targets `(tasks, 1)`."""
        return self.name(self.encoder(seen))


def chosen(seen: Trajectories, rows: Tensor | slice) -> Trajectories:
    """Some of the tasks."""
    return Trajectories(*(part[rows] for part in seen))


def curve(
    settings: CheetahSettings,
    seen: Trajectories,
    goals: Tensor,
    test: int,
    both_ways: bool,
    seed: int,
) -> list[tuple[float, float]]:
    """Of one encoder, at every look: mean distance from the target, share on the right side."""
    torch.manual_seed(seed)
    unit, train = settings.world().goal_unit, len(goals) - test
    features = seen.observations.shape[-1] + seen.actions.shape[-1] + 1
    reader, found = Reader(settings, features, both_ways), []
    optimiser = torch.optim.Adam(reader.parameters(), settings.learning_rate)
    asked, truth = chosen(seen, slice(train, None)), goals[train:]
    for step in range(1, LOOKS[-1] + 1):
        rows = torch.randint(train, (settings.tasks,))
        loss = (reader(chosen(seen, rows)) - goals[rows] / unit).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), settings.outer_clip)
        optimiser.step()
        if step in LOOKS:
            with torch.no_grad():
                read = unit * reader(asked)
            off = (read - truth).abs().mean().item()
            found.append((off, (read.sign() == truth.sign()).float().mean().item()))
    return found


def walker(name: str, trained: bool) -> PolicyLearner:
    """The zoo's policy, or a fresh one."""
    if trained:
        return zoo.load(name).learner
    settings = zoo.zoo_settings(name)
    return build(settings)


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trained", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    heads = " | ".join(f"off after {look} | right side" for look in LOOKS)
    print(f"| target | encoder reads | {heads} |\n" + "|---" * (2 + 2 * len(LOOKS)) + "|")
    for name in NAMES:
        learner = walker(name, args.trained)
        settings, world = learner.settings, learner.settings.world()
        goals, _ = world.goals(args.tasks, torch.Generator().manual_seed(5))
        seen = explore(learner, goals, seed=3)
        for both_ways in (False, True):
            runs = torch.tensor(
                [
                    curve(settings, seen, goals, args.tasks // 5, both_ways, seed)
                    for seed in range(args.seeds)
                ]
            )  # (seeds, looks, 2)
            cells = [name.split("/")[0].partition("-")[2], "both ways" if both_ways else "forward"]
            for off, side in runs.permute(1, 2, 0):
                low, high = off.aminmax()
                cells.append(f"{off.mean():.2f} {world.UNIT} ({low:.2f} to {high:.2f})")
                low, high = 100 * side.min(), 100 * side.max()
                cells.append(f"{100 * side.mean():.0f} % ({low:.0f} to {high:.0f})")
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
