"""Who runs in lesson 6: the half-cheetah's trained policies that the zoo holds, and what is not."""

from collections.abc import Mapping

from mmaml_lite.core import zoo
from mmaml_lite.course.studies.cast import Cast, casts_shown
from mmaml_lite.rl.simulation import engine

TASKS = {"location": "cheetah-location", "speed": "cheetah-speed"}
CAST = {"maml": "maml", "mumomaml": "mumomaml-film", "told": "told"}  # key: method


def name(task: str, key: str) -> str:
    """The name in the zoo of a policy for "location" or "speed"; raises ValueError for others."""
    if task not in TASKS:
        raise ValueError(f"unknown task {task!r}: expected one of {', '.join(TASKS)}")
    return f"{TASKS[task]}/2-modes/{CAST[key]}"


def load_casts() -> dict[str, dict[str, zoo.Model]]:
    """Those of CAST that have weights, by task and key; nothing is ever trained here."""
    found = {}
    for task in TASKS:
        names = {key: name(task, key) for key in CAST}
        held = {key: n for key, n in names.items() if zoo.weights_path(n).is_file()}
        found[task] = {key: zoo.load(n) for key, n in held.items()}
    return found


def skipped(task: str, cast: Cast, *keys: str) -> str:
    """One line that says what a section lacks, MuJoCo or weights, and how to get it; "" if nothing.

    keys: the policies it needs; none of them where it only simulates.
    """
    try:
        engine()
    except ImportError as error:
        return f"*Skipped: {error}.*"
    absent = [name(task, key) for key in keys if key not in cast]
    return zoo.untrained(absent, "up to an hour on one core")


def runners_shown(casts: Mapping[str, Cast]) -> str:
    """Which weights are shown, in Markdown: outer steps of each; "" if there are none."""
    return casts_shown({f"target {task}": cast for task, cast in casts.items()})


def limits(casts: Mapping[str, Cast]) -> str:
    """What should be kept in mind about the half-cheetah's numbers, as a list in Markdown.

    Of the weights that are there: their settings; else the recipe's.
    """
    task = next((t for t in TASKS if "mumomaml" in casts[t]), "location")
    held = casts[task].get("mumomaml")
    s = held.settings if held else zoo.zoo_settings(name(task, "mumomaml"))
    worlds = {t: zoo.zoo_settings(name(t, "mumomaml")).world() for t in TASKS}
    spreads = " and ".join(f"{w.spread:g} {w.UNIT}" for w in worlds.values())
    outer = {"trpo": "TRPO", "ppo": "a PPO-style objective"}[s.outer]
    recipe = zoo.zoo_settings(name(task, "mumomaml")).iterations
    trained = f"These were trained for {s.iterations:,}" if held else "None are there yet"
    return f"""
- **No code of these experiments was published, and the constants are only partly known.** From
  the paper's figures: two modes, one trajectory read, curves of five steps. Not stated, and
  chosen by us: the modes' places (±7 m and ±1.5 m/s) and spreads ({spreads}), the reward's form,
  the cost of torque ({s.control_cost:g}), the noise at the start ({s.reset_noise:g}) and
  {s.horizon} steps an episode. Standing still earns nearly what the paper's untrained curves begin
  with, which speaks for places and horizon, and proves nothing. So *returns* of ours and the
  paper's are in neighbouring, not in equal coin.
- **How long trained.** The recipe asks for {recipe:,} outer steps, up to an hour on one core,
  most of it physics. {trained}. Provisional weights are named under each picture, and what they
  cannot do yet is no statement about the method.
- **Settings of these weights:** α = {s.step_size:g}, γ = {s.discount:g}, {s.trajectories}
  trajectories of {s.tasks} tasks at every stage in training, {s.test_trajectories} in the test;
  outer loop: {outer}; trained with {s.steps} gradient step, tested with five, of which the later
  ones are {s.later_steps:g} times as long. Each stands, explained, in `rl/settings.py`.
- **Told the goal is no true floor.** It is a policy trained by the same means, not the best that
  a cheetah can do; a score above 1 is possible.
- **MAML's settings are MuMoMAML's**, as in lesson 5, and it gets one trajectory less.
- **One engine.** Gymnasium's half-cheetah in MuJoCo, the solver's warm start off; another
  version or engine gives other runs of the same kind.
- **An easy sense, a hard body.** That two distances pin the target (exercise 3) is arithmetic; to
  run there is not. What costs time in training is the running.
"""
