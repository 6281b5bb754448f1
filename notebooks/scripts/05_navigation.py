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
# # 5 · Navigation: a goal that is felt, not seen
#
# Somewhere in the plane there is a goal. Nobody shows it to you. After every step you are told one number, the
# reward: minus your distance from the goal. That is reinforcement learning, and here the
# [tasks](../docs/glossary.md#task) are goals, and their [modes](../docs/glossary.md#mode) the regions where goals tend to be.
#
# After this lesson you can
#
# - say what examples, labels and loss become when the learner has to *walk* for its data;
# - watch MAML and MuMoMAML find a hidden goal, before and after every gradient step;
# - say what the encoder learns from one walk, and what nobody teaches it.
#
# *About 45 minutes to read and try; all cells together run in less than a minute on a laptop's CPU.*
# Run the cells one after another with <kbd>Shift</kbd>+<kbd>Enter</kbd>.
# Code that need not be read is folded; a click on its dots opens it.

# %% tags=["parameters"]
modes: int = 2  # regions where goals tend to be, one of: 2 | 4 | 6
seed: int = 0  # luck: of the hunt, of the walks you see first
fast: bool = False  # True uses fewer tasks: a quick test run
out_dir: str = ""  # a folder for metrics.json; "" writes nothing

# %%
from mmaml_lite.course import figures, say, show, widgets, write_metrics

widgets.Hunt(seed, modes=modes)

# %% [markdown]
# **You are the agent.** Find the goal. Then ask for a new one, a few times over. What did you *learn*
# from the first goals that helps with the next?
#
# You probably did two things. You walked a little to *feel* where the rewards rise; and after a
# few goals you knew where goals tend to be. Keep both in mind: the first is what MuMoMAML's encoder does, the second
# is what $\theta$ is for.
#
# How good can one be over a whole episode of 100 steps?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import Navigation, shared_goals

earned = figures.earned  # a return, written as in the figures
world = Navigation.modes(modes)
goals, mode = shared_goals(world, 1000)
best = {name: value.mean().item() for name, value in world.floors(goals, mode).items()}
say(
    f"Told the goal, one walks straight there and earns **{earned(best['goal'])}** on average. "
    f"Told only the mode, one walks to its centre and waits: **{earned(best['mode'])}**. What lies "
    "between is the price of not knowing *where in the mode*."
)

# %% [markdown]
# ## The idea: the same three steps
#
# | | regression (lesson 4) | navigation |
# |:--|:--|:--|
# | a task | a function | a hidden goal |
# | a mode | a family of functions | a region of goals |
# | an example | a point $(x, y)$ | one step of a walk: place $s$, action $a$, reward $r$ |
# | who chooses the examples | nobody: they are given | the policy: it walks |
# | **embed** reads | the five points | *one* walk of the policy without modulation |
# | **modulate** | $\tau$ scales and shifts the units | the same |
# | **adapt** descends | the squared error | minus the surrogate of the return, on fresh walks for every step |
#
# The loss needs a thought. We want the [return](../docs/glossary.md#return), the sum of a walk's rewards, to rise, but
# the walks are data: they do not know $\theta$, so there is nothing to differentiate. The trick is to ask how much *likelier* another
# $\theta$ would make each action, and to weigh that by how good the action turned out:
#
# $$\mathcal L(\theta) = -\,\frac1N\sum_{t} \frac{\pi_\theta(a_t \mid s_t;\tau)}{\pi_{\text{old}}(a_t \mid s_t;\tau)}\ \hat A_t,
# \qquad \theta' = \theta - \alpha\,\nabla_\theta\, \mathcal L(\theta)$$
#
# | symbol | in words |
# |:--|:--|
# | $\pi_\theta(a \mid s;\tau)$ | the [policy](../docs/glossary.md#policy): how likely it is to do $a$ at place $s$, a Gaussian around the network's output |
# | $\pi_{\text{old}}$ | the policy that walked; the ratio is one at the start, its derivative is not |
# | $\hat A_t$ | the [advantage](../docs/glossary.md#advantage): how much better it went from step $t$ on than one would expect there |
# | $\tau$ | the [modulation vectors](../docs/glossary.md#modulation-vector), from one walk, fixed from then on |
#
# ## Your prediction
#
# MuMoMAML walks once without modulation, looks at the rewards, and modulates. Now it walks again; *not one
# gradient step was taken*.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import Prediction

alone = Prediction(
    {
        "A": "about what MAML's start earns: one walk says too little",
        "B": f"about {earned(best['mode'])}: it has understood the mode, not more",
        "C": "clearly more than that, but less than one who is told the goal",
        "D": f"about {earned(best['goal'])}: it has understood the goal",
    },
    question="What does MuMoMAML earn on average after modulation alone?",
)
widgets.ask(alone)

# %% [markdown]
# ## Play: set the goal, watch two methods find it
#
# - Move the **stage** slowly from *before modulation* to *after step 5*. Left MAML, right MuMoMAML.
# - **Drag the goal** across its mode, then into another mode. Which walks turn at once, which only after a step?
# - Put the goal **between the modes**, or far outside. No such goal was ever trained. What do both make of it?
# - **Walk again**: other luck, same goal. How much of what you saw was luck?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
casts = widgets.navigators(modes)
cast = casts[modes]
widgets.navigate(casts, modes, seed=seed)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
say(widgets.navigators_shown(casts))

# %% [markdown]
# ## Figure 3a, with floors
#
# One goal proves nothing. Here are the means over many fresh goals, ours (filled) beside the paper's (open),
# with both floors. Choose the number of modes, and when an episode ends: the paper does not say.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
curves = widgets.curves_explorer(f"{modes}-modes")
curves

# %% tags=["hide-input"] jupyter={"source_hidden": true}
stages = curves.view.mean
start, looked = stages["maml"][1], stages["mumomaml"][1]
bounds = [2 * best["mode"], 0.8 * best["mode"], 1.5 * best["goal"]]
truth = "ABCD"[sum(looked > bound for bound in bounds)]
widgets.answer(
    alone,
    truth,
    f"After modulation alone it earns {earned(looked)}; MAML's start earns {earned(start)}, one "
    f"who is told the mode {earned(best['mode'])}, told the goal {earned(best['goal'])}.",
)

# %% [markdown]
# Rewards are distances, so in principle one walk is enough for more than the mode: three distances from three
# places that are not in line leave a single point (did you use that in the hunt?). How much of it does the encoder use?
#
# ## What the encoder saw
#
# The encoder reads one walk of the policy **without** modulation. A question before you look.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
walk_moves = Prediction(
    {
        "A": "it turns towards the new goal",
        "B": "it stays exactly where it was",
        "C": "it becomes another random walk",
    },
    question="The goal moves to another mode, luck (the seed) stays. The exploratory walk then?",
)
widgets.ask(walk_moves)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
crowd = widgets.Crowd(cast["mumomaml"], 120 if fast else 400, seed)
widgets.encoder_explorer(crowd, seed=seed)

# %% [markdown]
# Drag the goal and watch the *rewards*, left, and the star on the map, right. Then colour by **place in the mode**: where
# arrows of one direction lie together, the embedding knows more than the mode. *Another walk* asks how much of
# the star's place was luck.

# %% tags=["keep_output", "hide-input"] jupyter={"source_hidden": true, "outputs_hidden": true}
# NBVAL_CHECK_OUTPUT
import torch

from mmaml_lite.course import explore

learner = cast["mumomaml"].learner
here, there = (explore(learner, torch.tensor([c]), seed) for c in world.centres[:2])
same = torch.equal(here.observations, there.observations)
print("the same walk, whatever the goal:", same)
print("the same rewards:", torch.equal(here.rewards, there.rewards))

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.answer(
    walk_moves,
    "B" if same else "C",
    "The policy without modulation sees its own position and nothing else: it cannot know the "
    "goal. All that differs between two tasks is the column of rewards.",
)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import neighbour_vote
from mmaml_lite.course import reading

vote = neighbour_vote(crowd.embedding, crowd.mode)
off = (reading(crowd.embedding, crowd.goals) - crowd.goals).norm(dim=1)
by_mode = (torch.tensor(world.centres)[crowd.mode] - crowd.goals).norm(dim=1)
say(
    f"In the full embedding the nearest neighbour is of the same mode in **{100 * vote:.0f} %** of "
    f"{len(crowd.mode)} fresh tasks (by chance {100 / modes:.0f} %). How much more than "
    "the mode is in it? Let a *linear map* of the embedding, fitted on other tasks, name the goal: "
    f"it is **{off.median():.2f}** off (median). One who knows the mode and names its centre is "
    f"{by_mode.median():.2f} off."
)

# %% [markdown]
# ## Whose τ?
#
# Is $\tau$ a label that says *upper right*, or does it hold this very goal? [Swap](../docs/glossary.md#swap) it: a
# task keeps its own goal and its own luck, but is given the $\tau$ of another one.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
swap = Prediction(
    {
        "A": "about what it earns with its own τ",
        "B": "clearly less, but more than without any modulation",
        "C": "about as little as without any modulation, or less",
    },
    question="A task gets the τ of another task of its own mode. Before any gradient step it earns",
)
widgets.ask(swap)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import exchange

count, steps = (12, 2) if fast else (40, 3)
found = exchange(learner, world, count, steps, seed)
view = widgets.exchange_view(found, best)
show(figures.returns(view, "The same tasks, under three modulations"), cast)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
first, last = ({w: e[i].mean().item() for w, e in found.items()} for i in (0, -1))
without = stages["mumomaml"][0]
widgets.answer(
    swap,
    "A"
    if first["same mode"] > 1.3 * first["own"]
    else "B"
    if first["same mode"] > 0.8 * without
    else "C",
    f"With its own τ {earned(first['own'])}, with that of another task of the mode "
    f"{earned(first['same mode'])}, of another mode {earned(first['other mode'])}; without "
    f"modulation {earned(without)}. After {steps} steps: {earned(last['own'])}, "
    f"{earned(last['same mode'])}, {earned(last['other mode'])}: so much can steps repair.",
)

# %% [markdown]
# ## The code
#
# One gradient step of every task: the same `algorithm.adapt` as in regression, and only the loss is new.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import SURROGATES, PolicyLearner, collect, source

source(PolicyLearner.adapt)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
source(SURROGATES["ratio"])

# %% [markdown]
# And Algorithm 1: explore, embed, modulate; then walk, step, walk again, with fresh walks every time.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
source(collect)

# %% [markdown]
# Written out by hand for one task, is it the same?

# %% tags=["keep_output"]
# NBVAL_CHECK_OUTPUT
from torch.func import grad

way = collect(learner, goals[:1], 1, torch.Generator().manual_seed(seed))
seen, tau = way.batch.stages[0], {i: t[0] for i, t in way.tau.items()}
advantage = learner.advantages(seen)[0]


def minus_gain(theta):
    log_prob = learner.policy.log_prob(theta, seen.observations[0], seen.actions[0], tau)
    return -((log_prob - seen.log_probs[0]).exp() * advantage).mean()


theta, alpha = dict(learner.theta), learner.settings.step_size
by_hand = {name: theta[name] - alpha * g for name, g in grad(minus_gain)(theta).items()}
agree = [torch.allclose(by_hand[k], way.thetas[1][k][0], atol=1e-4) for k in by_hand]
print("by hand and by the library agree:", all(agree))

# %% [markdown]
# ## What nobody teaches
#
# The outer loop asks how the return *after* adapting depends on all weights, and follows that through the gradient step
# and through $\tau$. One path it does not follow: $\theta$ decides where the exploratory walk leads,
# the walk decides $\tau$. To the outer loop that walk is data, a constant.

# %% tags=["keep_output", "hide-input"] jupyter={"source_hidden": true, "outputs_hidden": true}
# NBVAL_CHECK_OUTPUT
upsilon = learner.embed(explore(learner, goals[:1], seed))
total = sum(t.sum() for t in learner.modulate(upsilon).values())


def reaches(weights):
    slopes = torch.autograd.grad(total, list(weights), retain_graph=True, allow_unused=True)
    return any(slope is not None for slope in slopes)


print("a gradient of τ reaches the encoder's weights ω:", reaches(learner.encoder.parameters()))
print("a gradient of τ reaches θ, which walked:", reaches(learner.theta.values()))

# %% [markdown]
# So the encoder learns to *read* the walks it is given, and nobody teaches $\theta$ to walk such that they are worth
# reading. Where $\theta$ explores well, that is a side effect of being a good start. (`rl/learner.py` says so in its first lines; the
# paper's equations do not contain that path either.) It could be learned: a policy-gradient term that credits the exploratory
# actions with what they made possible. That is another algorithm, and an open exercise.
#
# The return before modulation is therefore no score. It is the price of asking.
#
# ## Train one yourself
#
# Press **Start**: a MuMoMAML that knows nothing, trained from scratch here in about a minute, on few tasks and with
# a *long* inner step. **Pause** whenever you like; the run is kept in a file and goes on where it stopped.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
name = f"navigation/{modes}-modes/mumomaml-film"
live = widgets.LivePolicyTraining(name, 40, seed, step_size=0.1)
live

# %% [markdown]
# What to look for: the gradient step learns first. Soon the walks *after* it reach for their goals,
# while those before it hover around the start, modulated or not. A step that long does the work alone, and leaves
# modulation little to do.
#
# Now give it a step too short to carry anyone to a goal: `step_size=0.001, tasks=40, trajectories=5`, and 100 outer steps
# (about two minutes). For a while all walks drift about alike. Then the *dotted* ones part: the encoder
# has found that rewards tell the modes apart. Who does the work, steps or modulation, is decided by $\alpha$.
#
# ## Check yourself
#
# **1.** Write the **loss** of a policy-gradient step. All three have the shape (trajectories, steps): `log_prob`, of the
# actions under the policy that is differentiated; `sampled`, under the one that drew them; `advantages`. Return one number.

# %%
from mmaml_lite.course import QUIZ_TEACH, QUIZ_WALK, check_surrogate, check_to_come, check_vote


def surrogate_loss(log_prob, sampled, advantages):
    return advantages.mean()  # your code


check_surrogate(surrogate_loss)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `return -((log_prob - sampled).exp() * advantages).mean()`. The library's version is `SURROGATES["ratio"]`, shown above.
# </details>
#
# **2.** Advantages start from **what is still to come**: from each step on, the sum of all rewards, one $k$ steps later counted
# $\gamma^k$ times. `rewards` has shape (trajectories, steps), and so has the result.


# %%
def to_come(rewards, gamma):
    return rewards  # your code


check_to_come(to_come)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def to_come(rewards, gamma):
#     out = rewards.clone()
#     for t in reversed(range(rewards.shape[1] - 1)):
#         out[:, t] += gamma * out[:, t + 1]
#     return out
# ```
# </details>
#
# **3.** The **vote**: for which share of the tasks is the nearest *other* task, by embedding, of the same mode?
# `upsilon` has shape (tasks, d), `mode` (tasks,).


# %%
def neighbours_vote(upsilon, mode):
    distance = torch.cdist(upsilon, upsilon)
    return (mode[distance.argmin(1)] == mode).float().mean()  # nearly


check_vote(neighbours_vote)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def neighbours_vote(upsilon, mode):
#     distance = torch.cdist(upsilon, upsilon).fill_diagonal_(torch.inf)
#     return (mode[distance.argmin(1)] == mode).float().mean()
# ```
# </details>
#
# ## Quiz

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.ask(QUIZ_WALK)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.ask(QUIZ_TEACH)

# %% [markdown]
# ## Honest limits

# %% tags=["hide-input"] jupyter={"source_hidden": true}
s = cast["mumomaml"].settings
outer = {"trpo": "TRPO", "ppo": "a PPO-style objective"}[s.outer]
ends = "at the goal" if s.ends_within else f"after {s.horizon} steps"
say(f"""
- **No code of these experiments was published**, and the paper gives few constants. From its
  figures: where modes and start lie, and that one walk is read. Not stated, and chosen by us:
  how far the modes spread (here {s.spread}; the contours drawn in its Figure 3d suggest 0.31, the
  goals drawn there about 0.13), the form of the reward (here minus the distance; MAML's text says
  squared, its code does not), when an episode ends (here {ends}), and every learning rate.
- **Settings of these weights:** α = {s.step_size}, γ = {s.discount}, {s.trajectories} walks of
  {s.tasks} tasks at every stage in training, {s.test_trajectories} in the test. MAML's reference
  implementations take 20 walks of 20 or 40 tasks, γ = 0.99 and α = 0.1 or 0.5. Each of ours
  stands, explained, in `rl/settings.py`.
- **The outer loop** is {outer} here. The paper cites TRPO (Schulman et al. 2015) and does not say
  how it was used; the follow-up paper's code takes a PPO-style objective.
- **Trained with {s.steps} gradient step, tested with five.** Nothing in training asks for the
  second to fifth. They are {s.later_steps} times as long as the first, for both methods: at full
  length both would fall back behind their first step.
- **MAML's settings are MuMoMAML's.** An inner step of its own choice might serve it better; the
  paper's MAML goes on to improve where ours stays about where one who is told the mode stands.
- **Easy tasks.** In this world a script that asks three distances knows the goal (you met it in
  the hunt). That gradient steps are needed at all says something about the learner, not the task.
- **More information.** MuMoMAML gets one walk more than MAML, and an encoder with its own weights.
""")

# %% [markdown]
# ## Recap
#
# - The same **embed, modulate, adapt**: walks instead of points, a surrogate of the return instead of an error.
# - The exploratory walk is blind. What it brings home are *rewards*, and from them the encoder reads the task.
# - $\tau$ acts at once; every gradient step needs many walks of its own. Say which stage a number belongs to.
# - Draw the floors. "Better than MAML" and "nearly as good as one who is told" are different claims.
# - A constant that is not stated is a choice. Ours are in one file: `mmaml_lite/rl/settings.py`.
#
# To keep or hand in your answers, run in a cell of your own
# `from mmaml_lite.course import JOURNAL; JOURNAL.export("my-answers-lesson-5.md")`.
# Terms and symbols: the [glossary](../docs/glossary.md).
#
# **Next:** [lesson 6](06_half_cheetah.ipynb), which gives the goal a body: a half-cheetah that shall run to a place, or
# at a speed. Or run this lesson with 4 or 6 `modes` in the parameters cell.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
measured = {key: mean.tolist() for key, mean in stages.items()}
write_metrics(out_dir, {"floors": best, "vote": vote, "stages": measured, "swap": first})
