# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,jupyter
#     notebook_metadata_filter: kernelspec,jupytext
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6 · Half-cheetah: a goal, and a body that has to get there
#
# The goal of lesson 5 gets a body: half a cheetah, seven rigid parts and six motors, in a physics simulation. It shall run to a
# place, or at a speed. Where this [target](../docs/glossary.md#target) lies is hidden, it may lie *behind*, and nothing but the
# [reward](../docs/glossary.md#reward) tells.
#
# After this lesson you can
#
# - say what changes when an action is a torque and no longer a step, and what stays the same;
# - read a [return](../docs/glossary.md#return) that has no natural scale, with the help of two floors;
# - say what one [trajectory](../docs/glossary.md#trajectory) tells of a hidden target, step by step, and how much of it the encoder uses;
# - say why a [modulation](../docs/glossary.md#modulation) that is well trained may still lower the return.
#
# *About 40 minutes to read and try; all cells together run in less than two minutes on a laptop's CPU.*
# Run the cells one after another with <kbd>Shift</kbd>+<kbd>Enter</kbd>.
# Code that need not be read is folded; a click on its dots opens it. You should know [lesson 5](05_navigation.ipynb).

# %% tags=["parameters"]
task: str = "location"  # what the hidden target is, one of: location | speed
seed: int = 0  # luck: of the runs you see
fast: bool = False  # True uses fewer tasks: a quick test run
out_dir: str = ""  # a folder for metrics.json; "" writes nothing

# %%
from mmaml_lite.course import cheetahs, figures, say, show, widgets, write_metrics

casts = cheetahs.load_casts()
cast = casts[task]
runner = widgets.cheetah(casts, task, stage=0, seed=seed)
runner

# %% [markdown]
# **Somewhere there is a target.** Both animals are shown *before* anything is known of it. Watch one run, and leave the **stage**
# where it is for now. Does either of them look as if it knew where to go?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
say(cheetahs.runners_shown(casts) or cheetahs.skipped(task, cast, "maml", "mumomaml"))

# %% [markdown]
# ## The idea: what changes, and what does not
#
# | | navigation (lesson 5) | half-cheetah |
# |:--|:--|:--|
# | a task | a hidden place in the plane | a hidden place on a track, or a hidden speed |
# | two modes | upper right, lower left | ahead, behind: around ±7 m, or ±1.5 m/s |
# | what is observed | two numbers: where I am | 18 numbers: the torso's $x$, height and angle, six joints, and all nine velocities |
# | an action | a step, and one is there | six [torques](../docs/glossary.md#torque); gravity, inertia and friction decide what comes of them |
# | an episode | 100 steps | 200 steps of 0.05 s: ten seconds |
# | **embed, modulate, adapt** | one walk, $\tau$, gradient steps | the same three functions, unchanged |
#
# The reward looks at the torso alone, and takes a little for the torques $a$:
#
# $$r_t = -\,\lvert x_{t+1} - x^* \rvert - 0.05\,\lVert a_t\rVert^2 \quad\text{(location)},\qquad
# r_t = -\,\Bigl\lvert \frac{x_{t+1} - x_t}{0.05\,\mathrm s} - v^* \Bigr\rvert - 0.05\,\lVert a_t\rVert^2 \quad\text{(speed)}$$
#
# | symbol | in words |
# |:--|:--|
# | $x_t$ | where the torso is at step $t$, in metres; it starts at 0, but for a little noise |
# | $x^*, v^*$ | the hidden target: a place, or a speed (negative: backwards) |
# | $a_t$ | the torques of the six motors, each between −1 and 1 |
#
# **Nobody shows the target to the [policy](../docs/glossary.md#policy).** But it must see what the target is *compared with*. So
# location shows the torso's $x$ (one who does not know where he is cannot know where to stop), which the usual half-cheetah hides;
# speed does not need it (17 numbers): the velocity is among them.
#
# ## What is a return of −600?
#
# In the plane one who is told the goal nearly loses nothing. Here even he has to *run* there first. So two floors belong to every
# number: **standing still**, which anybody can, and a policy that was trained in the same way but is **told the goal**. Between them lies the
# [score](../docs/glossary.md#score)
#
# $$\text{score} = \frac{R - R_\text{still}}{R_\text{told} - R_\text{still}}\,,$$
#
# 0 for standing still and 1 for being told, whatever the unit.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import TargetLocation, TargetSpeed, shared_goals

world = {"location": TargetLocation, "speed": TargetSpeed}[task]()
still = None
if lost := cheetahs.skipped(task, cast):
    say(lost)
else:
    still = world.floors(*shared_goals(world, 10 if fast else 40))["still"].mean().item()
    say(f"Standing still earns about **{figures.earned(still)}** here.")

# %% [markdown]
# ## Your predictions
#
# One question about each half of what is to come.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import Prediction

alone = Prediction(
    {
        "A": "it rises in both tasks",
        "B": "it rises in target location, and does not in target speed",
        "C": "it rises in target speed, and does not in target location",
        "D": "it rises in neither: that takes gradient steps",
    },
    question="Modulation alone, no gradient step yet. What happens to MuMoMAML's return?",
)
widgets.ask(alone)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
first_reward = Prediction(
    {
        "A": "hardly at all",
        "B": "ahead is paid clearly more",
        "C": "behind is paid clearly more",
    },
    question="One target far ahead, one as far behind: how do their *first* rewards differ?",
)
widgets.ask(first_reward)

# %% [markdown]
# ## Play: set the target, watch two methods run for it
#
# - Move the **stage** slowly from *before modulation* to *after step 5*. Who turns round at once, who only after a step?
# - Put the target **on the other side**. Is running backwards the mirror image of running forwards? (Look at the legs.)
# - Put it at **0**, between the modes, or beyond all training.
# - **Run again**: other luck, same target. How much of what you saw was luck?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
runner

# %% [markdown]
# ## Figures 3b and 3c, with floors
#
# One target proves nothing. Here are the means over many fresh targets, ours (filled) beside the paper's (open). Read them as
# *returns* first, then as a *score*: which of the two tasks is closer to being solved?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import number

curves, start = None, f"{cheetahs.TASKS[task]}/2-modes"
if lost := widgets.unstored("half-cheetah"):
    say(lost)
else:
    curves = widgets.curves_explorer(start, world="half-cheetah")
    display(curves)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
rise = widgets.by_modulation("half-cheetah") if curves else {}
if len(rise) == 2:
    location, speed = (rise[cheetahs.TASKS[t]] for t in ("location", "speed"))
    display(
        widgets.answer(
            alone,
            "ABCD"[2 * (location <= 0) + (speed <= 0)],
            f"By modulation alone the return changes by {number(location, 0, plus=True)} in target "
            f"location and by {number(speed, 0, plus=True)} in target speed. "
            "The paper's, read off its figures: +938 and −37.",
        )
    )
else:
    say("*Not measured yet for both tasks. The paper's, read off: +938 and −37.*")

# %% [markdown]
# Keep the second number of the paper in mind: in its Figure 3c modulation alone *lowers* the return (its text claims the gain across the
# gradient steps, which is true). We come back to it below.
#
# ## Figure 4: does the encoder know the side?
#
# The encoder reads **one** trajectory of the policy *without* modulation. That policy does not know the target, and so the
# trajectory cannot depend on it: all that differs between two tasks is the column of rewards. Is that so for a body, too? Here are twenty runs
# of a policy that has learned nothing at all, once with a target ahead, once behind.

# %% tags=["keep_output", "hide-input"] jupyter={"source_hidden": true, "outputs_hidden": true}
# NBVAL_CHECK_OUTPUT
import torch

from mmaml_lite import build, zoo_settings
from mmaml_lite.course import explore

apart = None
if lost := cheetahs.skipped(task, cast):
    say(lost)
else:
    novice = build(zoo_settings(cheetahs.name(task, "mumomaml")))
    far = world.centres[1][0]
    ahead, behind = (explore(novice, torch.full((20, 1), x), seed) for x in (far, -far))
    apart = (ahead.rewards - behind.rewards)[:, 0]
    print("the same movements:", torch.equal(ahead.observations, behind.observations))
    print("the same rewards:", torch.equal(ahead.rewards, behind.rewards))
    print("the first rewards are nearly the same:", bool(apart[:, 0].mean().abs() < 0.3 * far))

# %% tags=["hide-input"] jupyter={"source_hidden": true}
if apart is not None:
    first = apart[:, 0].mean().item()
    display(
        widgets.answer(
            first_reward,
            "A" if abs(first) < 0.3 * far else "B" if first > 0 else "C",
            f"On average over the runs they differ by {number(first, 2, plus=True)} at the first "
            f"step, where a reward is about {number(-far)}; later in a run by up to "
            f"{apart.abs().max():.2f}. At rest a reward tells the target's *distance*. The *side* "
            "it tells only as far as the torso has moved.",
        )
    )

# %% [markdown]
# That is the two-mode structure, seen from inside: the first reward says $\lvert x^*\rvert$, its *change* along the way says the sign. How loudly? The
# rewards of a target and of its mirror image differ by $\bigl\lvert\,\lvert x - x^*\rvert - \lvert x + x^*\rvert\,\bigr\rvert = 2\,\lvert x\rvert$, as long as the torso is
# between the two. A *place* adds up along the way. A *speed* does not: an animal that trembles on the spot whispers the side of its target
# speed, however long one listens. Which of the two tasks will be the harder one to read?
#
# Now the trained encoder. Every mark on the right is a task, and the star is the one that you set.
#
# - Move the **target** from one side to the other. The trajectory, upper left, stays; the rewards change.
# - Reduce **steps read** to 1, then let it grow. When does the star find its side?
# - Colour by **target**: does the embedding know more than the side?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
crowd = None
if lost := cheetahs.skipped(task, cast, "mumomaml"):
    say(lost)
else:
    crowd = widgets.Crowd(cast["mumomaml"], 80 if fast else 300, seed)
    display(widgets.trajectory_explorer(crowd, seed=seed))

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import neighbour_vote
from mmaml_lite.course import reading

vote = None
if crowd is not None:
    vote = neighbour_vote(crowd.embedding, crowd.mode)
    off = (reading(crowd.embedding, crowd.goals) - crowd.goals).abs()
    by_mode = (torch.tensor(world.centres)[crowd.mode] - crowd.goals).abs()
    m = world.UNIT
    say(
        "In the full embedding the nearest neighbour is on the same side in "
        f"**{100 * vote:.0f} %** of {len(crowd.mode)} fresh tasks (by chance 50 %). "
        "A *linear map* of it, fitted on other "
        f"tasks, names the target up to **{off.median():.2f} {m}** (median); one who knows the "
        f"side and names the mode's centre is {by_mode.median():.2f} {m} off."
    )

# %% [markdown]
# ## Distance first, side later?
#
# Let the encoder read the first few steps only.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
if crowd is not None:
    view = widgets.reading_view(crowd, [1, 2, 5, 10, 20, 50, 100, 200])
    show(figures.reading(view), {"mumomaml": cast["mumomaml"]})

# %% [markdown]
# A perfect reader needs two steps: $x_t$ is known, and two distances from two places leave one point (exercise 3). A
# network that was trained for something else takes longer, and was never asked to read half a trajectory. Where the right curve is
# low from the first step on and the left one rises later, distance came first and the side was the hard part. And where the right
# one rises *again*, the encoder has let go of the distance: nobody asked it to name the target, only to help one gradient step.
#
# Remembering is the hard part. A recurrent network that reads 200 steps from the first to the last has half forgotten the first rewards
# when it arrives. Ours therefore reads every trajectory from *both* ends. [What that is worth](../docs/half-cheetah.md#from-both-ends)
# was measured: with one that reads forwards only, target location stood still at −700, nearly every side right and no distance known.
#
# ## What is modulation alone worth?
#
# In the paper's target speed MuMoMAML earns *less* after modulation than before (−312 after −275; standing still earns
# about −290 in our world). Before you call that a failure: where does a return go? Look at ours, task by task: what each one
# reaches against what it should, and the return split into three. Being *beside* the target; *swinging* around it (now too fast, now too
# slow costs, even where the mean is right); torque.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import stage_losses

found = {}
if lost := cheetahs.skipped(task, cast, "mumomaml"):
    say(lost)
else:
    learner = cast["mumomaml"].learner
    goals, _ = shared_goals(world, 6 if fast else 20)
    size = {"steps": 1, "seed": seed, "trajectories": 3 if fast else 8}
    found = stage_losses(learner, goals, **size)
    view = widgets.reached_view(world, goals, found)
    show(figures.reached(view), {"mumomaml": cast["mumomaml"]})

# %% [markdown]
# And a question that the return after modulation cannot answer: what is the modulation worth to the *gradient step* that follows?
# The same tasks, the same number of steps, but without any modulation:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
if found:
    without = stage_losses(learner, goals, **size, modulated=False)
    say(widgets.account(found, without))

# %% [markdown]
# Look also for tasks on the *wrong side* of the left panel: there the encoder has misread the side, and modulation sends the animal the wrong
# way with all its strength, which costs more than not knowing. Gradient steps get new trajectories, and can mend it.
#
# The first number may have either sign, and training does not mind: the outer loop maximises the return *after* a gradient step, and
# no term of it is the return before. A modulated start may misread some sides or run too wildly to earn much, and still be
# the better place to step from. Then the first number is negative and the second is not; that is a reading of
# the paper's Figure 3c that fits its numbers, though only its runs could prove it. Or modulation does the whole work and leaves little to the
# steps. Which of the two one gets is decided by what cannot be seen in a curve: how long the inner step is (lesson 5), how long one
# trained, **what the encoder can read**. Once ours could read forwards only, and the same training of target speed gave the paper's shape: no
# gain by modulation (−320, then −301), and all of it by the first gradient step (−106). An encoder that does not know is not listened to.
# What it is for *these* weights, the two numbers say.
#
# ## The code
#
# A control step of the environment: simulate, and pay.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import HalfCheetah, HalfCheetahWorld, outcome, source

source(HalfCheetah.step)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
source(outcome)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
source(HalfCheetahWorld.rewards)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
source(type(world).reached)

# %% [markdown]
# A reward by hand, from what is observed:

# %% tags=["keep_output"]
# NBVAL_CHECK_OUTPUT
import numpy as np

if lost := cheetahs.skipped(task, cast):
    say(lost)
else:
    env = HalfCheetah(TargetLocation())
    _, info = env.reset(seed=seed, options={"goal": (7.0,)})
    action = np.linspace(-1, 1, 6, dtype=np.float32)
    observation, reward, *_ = env.step(action)
    by_hand = -abs(observation[0] - 7.0) - 0.05 * (action @ action)
    print("numbers observed:", observation.size, "the target among them:", 7.0 in observation)
    print("by hand and by the environment agree:", bool(np.isclose(reward, by_hand)))

# %% [markdown]
# Everything else is lesson 5's, line by line: `rl/learner.py`, `rl/collect.py`, `rl/outer.py` do not know that there is a cheetah.
#
# ## Check yourself
#
# **1.** Write the **rewards of target speed**. `x` (steps + 1,) holds the torso's places, `actions` (steps, 6); `dt` is the time
# of a step, `cost` the factor of the squared torque. Return a reward for each step.

# %%
from mmaml_lite.course import QUIZ_AFTER, QUIZ_PLACE, check_score, check_speed_reward, check_target


def speed_reward(x, actions, target, dt, cost):
    return -(x[1:] - target).abs()  # your code


check_speed_reward(speed_reward)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `return -((x[1:] - x[:-1]) / dt - target).abs() - cost * actions.square().sum(1)`. The library's version is
# `HalfCheetahWorld.rewards`, above.
# </details>
#
# **2.** Write the **score**: 0 for standing still, 1 for being told the goal. `earned` is a tensor of returns.


# %%
def score(earned, still, told):
    return earned / told  # your code


check_score(score)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `return (earned - still) / (told - still)`. The library's version is `score` in `mmaml_lite/rl/report.py`.
# </details>
#
# **3.** Be the encoder. `x` (steps,) says where the torso was, `off` (steps,) how far from the hidden target, which the rewards
# tell once the torque's cost is added. **Find the target.** It may lie on either side, and the torso may have run the wrong way.


# %%
def find_target(x, off):
    return (x + off).mean()  # nearly


check_target(find_target)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def find_target(x, off):
#     behind, ahead = x - off, x + off  # one of them stays where it is
#     return behind.mean() if behind.std() < ahead.std() else ahead.mean()
# ```
# </details>
#
# ## Quiz

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.ask(QUIZ_PLACE)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.ask(QUIZ_AFTER)

# %% [markdown]
# ## Honest limits

# %% tags=["hide-input"] jupyter={"source_hidden": true}
say(cheetahs.limits(casts))

# %% [markdown]
# ## Recap
#
# - The same **embed, modulate, adapt** with a body in between: nothing in the algorithm had to change, only the world.
# - One blind trajectory holds the whole target: distance in the first reward, side in its change. What the *encoder* takes from
#   it is measured, not assumed.
# - A return without floors says nothing. A score makes two tasks comparable, and is only as good as its two floors.
# - The return after modulation is no score of training. It may fall, as in the paper's target speed, and still be a better place
#   to step from.
# - Whoever must *stop* must see where he is: what the policy observes is part of the task.
#
# To keep or hand in your answers, run in a cell of your own
# `from mmaml_lite.course import JOURNAL; JOURNAL.export("my-answers-lesson-6.md")`.
# Terms and symbols: the [glossary](../docs/glossary.md). All numbers: [docs/half-cheetah.md](../docs/half-cheetah.md).
#
# **Next:** [lesson 7](07_omniglot.ipynb), where the same three functions read characters. Or run this lesson with
# `task = "speed"` in the parameters cell.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
split = {stage: losses.returns.mean().item() for stage, losses in found.items()}
write_metrics(out_dir, {"task": task, "still": still, "vote": vote, "stages": split})
