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
# # 1 · MAML: a good place to begin
#
# Five points of an unknown wave: can a network draw the rest of it? Not if it has to start from
# nothing. But it may have seen *other* waves before. This lesson shows two ways of preparing for a
# new one. One of them learns, the other mostly stays where it is.
#
# After this lesson you can
#
# - say what MAML asks of its starting point, and what pretraining asks;
# - move that starting point over a map yourself, and see why the two want different places;
# - check that a meta-gradient is right, which not every published one is.
#
# *About 35 minutes to read and try; all cells together run in under two minutes on a laptop's CPU.*
# Run the cells one after another with <kbd>Shift</kbd>+<kbd>Enter</kbd>.
# Code that need not be read is folded; a click on its dots opens it.

# %% tags=["parameters"]
seed: int = 0  # which family of small tasks lies on the map
fast: bool = False  # True uses fewer tasks: a quick test run
out_dir: str = ""  # a folder for metrics.json and your answers; "" writes nothing

# %%
from mmaml_lite import load
from mmaml_lite.course import widgets

cast = {name: load(f"regression/1-mode/{name}") for name in ("pretrained", "maml")}
widgets.fit_explorer(cast)

# %% [markdown]
# Both networks have the same shape, and both were trained on the same endless stream of waves
# $a \sin(x - b)$. On the left, one was **pretrained** on all of them. On the right, one was trained by
# **MAML**. Both now get the same five crosses and the same five gradient steps. Try this:
#
# 1. Move *amplitude* and *phase*. The dotted curves stand still. Why? (They have not looked yet.)
# 2. Move *gradient steps* from 0 to 5, slowly. Who needs how many?
# 3. Tick *place the points myself* and drag the points. Ask for something that is no wave at all.
# 4. Push the *step size* up until something breaks. Who breaks first?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import lesson, say, show

say(lesson.weights_shown(cast))

# %% [markdown]
# ## Your predictions
#
# One task proves nothing. Soon we measure on many; first, what do *you* expect?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import Prediction

before = Prediction(
    {
        "A": "the pretrained network's is clearly smaller",
        "B": "they are about the same",
        "C": "MAML's is clearly smaller",
    },
    question="Before any gradient step, averaged over many tasks: whose error is smaller?",
)
widgets.ask(before)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
after = Prediction(
    {"A": "less than 40 %", "B": "between 40 and 60 %", "C": "more than 60 %"},
    question="Averaged over many tasks, how much of the error that could be avoided does the "
    "*pretrained* network lose in its five steps?",
)
widgets.ask(after)

# %% [markdown]
# ## Measured
#
# The same test tasks for both. We let them go on to 20 steps, four times what MAML was trained for.
# *Bayes* knows the family and the noise, and weighs every wave that could have made the points:
# nobody does better on average.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import bayes, errors, interval, mixture_of, shared_tasks
from mmaml_lite.course import figures

settings = cast["maml"].settings
tasks = shared_tasks(settings, 200 if fast else 1500)
found = {name: errors(model.learner, tasks, steps=20) for name, model in cast.items()}
mean = {name: e.mean(1).numpy() for name, e in found.items()}
half = {name: [interval(stage)["ci95"] for stage in e] for name, e in found.items()}

# %% tags=["hide-input"] jupyter={"source_hidden": true}
some = tasks[: 60 if fast else 400]
guess = bayes(mixture_of(settings), some).mean
floor = {"Bayes": (guess - some.query.y[..., 0]).square().mean().item()}
show(figures.error_by_steps(mean, half, floor, settings.steps), cast)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
pretrained, maml = mean["pretrained"], mean["maml"]
ratio = maml[0] / pretrained[0]
widgets.answer(
    before,
    "A" if ratio > 1.15 else "B" if ratio > 1 / 1.15 else "C",
    f"Pretrained {pretrained[0]:.2f}, MAML {maml[0]:.2f}.",
)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
share = (pretrained[0] - pretrained[5]) / (pretrained[0] - floor["Bayes"])
maml_share = (maml[0] - maml[5]) / (maml[0] - floor["Bayes"])
widgets.answer(
    after,
    "A" if share < 0.4 else "B" if share < 0.6 else "C",
    f"It loses {100 * share:.0f} % of what could be lost; MAML loses {100 * maml_share:.0f} %.",
)

# %% tags=["keep_output", "hide-input"] jupyter={"source_hidden": true, "outputs_hidden": true}
# NBVAL_CHECK_OUTPUT
print("before any step both errors are within 15 %:", 1 / 1.15 < ratio < 1.15)
print("after five, MAML's is less than a third of the other's:", maml[5] < pretrained[5] / 3)

# %% [markdown]
# So MAML's start is **no better guess**. It is a better place to *learn from*.
#
# What guess is it? One who has seen no point can do nothing better than answer with the average of
# all waves. Amplitudes here are 2.55 on average and phases are spread evenly from 0 to π, so that
# average is known: $-\tfrac{2}{\pi} \cdot 2.55 \cos x$, a wave, but a small one.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
import math

average = -2 / math.pi * 2.55 * lesson.GRID.cos().numpy()
starts = {name: lesson.curves(model, tasks[:1])[0, 0] for name, model in cast.items()}
show(figures.before_learning(lesson.GRID.numpy(), average, starts), cast)

# %% [markdown]
# ## The idea
#
# A [task](../docs/glossary.md#task) $i$ brings a [support set](../docs/glossary.md#support-set)
# $\mathcal D_i$ to learn from and a [query set](../docs/glossary.md#query-set) $\mathcal Q_i$ to be
# judged by. The two trainings ask for
#
# | | in words | as a formula |
# |:--|:--|:--|
# | **pretraining** | a $\theta$ that is good on average, *before* learning | $\min_\theta\ \sum_i \mathcal L(\theta;\ \mathcal Q_i)$ |
# | **MAML** | a $\theta$ that is good *after* learning | $\min_\theta\ \sum_i \mathcal L\big(\theta - \alpha \nabla \mathcal L(\theta;\ \mathcal D_i);\ \mathcal Q_i\big)$ |
#
# MAML is two loops, one inside the other:
#
# - the [inner loop](../docs/glossary.md#inner-loop) is the learning: $n$ gradient steps of size
#   $\alpha$ on one support set lead from $\theta$ to the task's own
#   [fast weights](../docs/glossary.md#fast-weights) $\theta_i'$;
# - the [outer loop](../docs/glossary.md#outer-loop) is the learning to learn: it looks at the query
#   loss of all $\theta_i'$ and moves the *beginning*, $\theta$.
#
# With no inner step at all the second formula is the first.
#
# | symbol | in words |
# |:--|:--|
# | $\theta$ | the weights that all tasks start from |
# | $\theta_i'$ | the fast weights: what $\theta$ has become after the steps on task $i$ |
# | $\alpha,\ n$ | step size and number of inner steps |
# | $K$ | the number of support points |
# | $\mathcal D_i,\ \mathcal Q_i$ | support set and query set of task $i$ |
#
# Gradient steps are one way for a task's examples to change a network. There are others. **Click the
# boxes:**

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.three_ways()

# %% [markdown]
# ## A map of MAML
#
# Our network has 22,521 weights, too many for a drawing. So here is a learner with **two**: it can only draw the
# wave $f(x) = \theta_2 \sin(x - \theta_1)$. Every $\theta$ is a place on a map, every task is a place
# too (its own wave), and the inner steps are walks across the map. The family is four tasks and no endless
# stream; the rest is as before: noise, five support points, a query set apart, the library's inner loop.
#
# Below, $\theta$ stands where **pretraining** puts it, in the lowest place of the loss before learning.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
wish = Prediction(
    {
        "A": "about where it is",
        "B": "higher up: a taller wave",
        "C": "lower down: a flatter wave",
    },
    question="MAML may take two steps of size 0.1 on each task. Where would it like θ to be?",
)
widgets.ask(wish)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
map_explorer = widgets.landscape_explorer(seed)
map_explorer

# %% [markdown]
# **The game: find the $\theta$ that MAML would like**, on the map that does not show it. Drag θ, or Tab
# to it and use the arrow keys. Under the map you read how you do. The blue arrow is the outer step:
# it says where MAML would go from here, and at the start that is *uphill* on this map.
# Stuck? Switch the map to *after learning*, then *reveal the best places*. And then:
#
# 1. Set *inner steps* to 0. What do the two maps have in common now?
# 2. Watch the thin black arrows while θ moves up. Why do they grow?
# 3. Take 5 steps and raise the step size. The map falls to pieces: a tiny move of θ sends a task
#    into another valley. Would you trust a good place among splinters?
# 4. Where does the dotted arrow (first order) point somewhere else than the blue one?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import landscape

there, here = landscape.outer_map(seed, 2, 0.1), landscape.outer_map(seed, 0, 0.1)
taller = (there.best - here.best)[1].item()
widgets.answer(
    wish,
    "B" if taller > 0.3 else "C" if taller < -0.3 else "A",
    f"Pretraining's best wave is {here.best[1]:.1f} tall, MAML's {there.best[1]:.1f}.",
)

# %% [markdown]
# The reason can be read off the formula: the slope of the loss towards $\theta_1$ carries a factor
# $\theta_2$. **A tall wave is easily pushed sideways; a flat one feels the push less.** So here MAML
# accepts a worse guess that *moves better*, and pretraining flattens the wave for safety. With 22,521
# weights there is no need to choose: both networks draw nearly the same curve before learning, and MAML's
# differs where you cannot see it, in how its curve answers to a push.
#
# ## The code
#
# One task's inner loop, as the library has it, and the outer objective for a batch of tasks, shown and
# not copied. The map runs this `adapt`. The networks run a faster twin of it for linear layers,
# `lowrank.stages`, which the tests hold equal to it; `learner(...)` below calls one or the other.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import adapt, query_loss
from mmaml_lite.course import source

source(adapt)
source(query_loss)

# %% [markdown]
# ## Is the gradient right?
#
# The outer loop needs the derivative of a loss *after* $n$ steps with respect to the weights *before*
# them. The chain rule gives one factor for every step:
#
# $$\nabla_\theta\, \mathcal L(\theta^{(n)};\mathcal Q)
#   = \Big(\prod_{t=0}^{n-1} \big(I - \alpha\, \nabla^2 \mathcal L(\theta^{(t)};\mathcal D)\big)\Big)\,
#     \nabla \mathcal L(\theta^{(n)};\mathcal Q)$$
#
# First-order MAML leaves all these factors out. Some well-known teaching code keeps just one of them,
# whatever $n$ is. Do not believe a gradient, ours included: try it out. Move $\theta$ a little
# in each direction, see how the loss changes, and compare (*finite differences*).

# %% tags=["keep_output"]
# NBVAL_CHECK_OUTPUT
import torch

small = landscape.draw_tasks(seed)
places = torch.rand(20, 2, generator=torch.Generator().manual_seed(seed)).double() * 4
for steps in (1, 2, 5):
    off, first = 0.0, 0.0
    for theta in places:
        exact = landscape.meta_gradient(theta, small, steps, 0.1)
        tried = landscape.finite_difference(theta, small, steps, 0.1)
        short = landscape.meta_gradient(theta, small, steps, 0.1, first_order=True)
        off = max(off, landscape.relative_error(tried, exact))
        first = max(first, landscape.relative_error(short, exact))
    print(f"n = {steps}: exact gradient confirmed {off < 1e-6}, first order {first < 1e-6}")

# %% [markdown]
# The three arrows on the map are these three vectors. First order is not *wrong*, it is a
# cheaper arrow that often points to the right side. It should only not be called MAML.
#
# ## Check yourself
#
# **1.** Write MAML's loss for one task and one inner step. The model is the line
# `theta[0] * x + theta[1]`, the loss is the mean squared error. The outer loop will want the
# gradient of what you return. The stub is pretraining.

# %%
from mmaml_lite.course import check_chain, check_maml_loss


def maml_loss(theta, x, y, x_query, y_query, alpha):
    def loss(weights, x, y):
        return ((weights[0] * x + weights[1] - y) ** 2).mean()

    adapted = theta  # your code: one step on x, y
    return loss(adapted, x_query, y_query)


check_maml_loss(maml_loss)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# (gradient,) = torch.autograd.grad(loss(theta, x, y), theta, create_graph=True)
# adapted = theta - alpha * gradient
# ```
# or, shorter, `adapted = theta - alpha * torch.func.grad(loss)(theta, x, y)`. Without
# `create_graph=True` the number is the same, but the gradient is that of first-order MAML.
# </details>
#
# **2.** A task so small that it fits on a napkin: $\mathcal L(\theta) = (\theta - 1)^2$, for support
# and query alike. Take **two** inner steps with $\alpha = 0.25$ from $\theta = 4$. What is MAML's
# exact gradient with respect to $\theta$?

# %%
my_answer = None  # a number

check_chain(my_answer)

# %% [markdown]
# <details><summary>Solution</summary>
#
# One step gives $\theta - 0.25 \cdot 2(\theta - 1)$: its distance from 1 is halved. After two steps it is
# a quarter, so $\mathcal L = \big((\theta - 1)/4\big)^2$ and the gradient is $2 \cdot 3 / 16 = 0.375$.
# </details>
#
# **3.** Two questions to click.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import quizzes

first_question, second_question = quizzes()
widgets.ask(first_question)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.ask(second_question)

# %% [markdown]
# ## Honest limits
#
# Does the pretrained network only need a better step size and more patience? That must be measured, not
# argued. Both networks again, with up to 50 steps and four step sizes:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
few = tasks[: 60 if fast else 300]
rows, patient = [], []
for size in (0.0003, 0.001, 0.003, 0.01):
    factor = size / settings.step_size
    for model in cast.values():
        with torch.no_grad():
            y = model.learner(few.support, few.query.x, few.mode, steps=50, factor=factor)
        e = (y - few.query.y).square().mean(dim=(1, 2, 3))
        shown = {str(n): figures.error_text(e[n].item()) for n in (0, 1, 5, 20, 50)}
        rows.append({"network": model.label, "size": f"{size:g}"} | shown)
        patient += e[[20, 50]].tolist() if model is cast["pretrained"] else []

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from IPython.display import HTML

columns = {"network": "network", "size": "step size α", "0": "before"}
columns |= {n: f"{n} step{'s' * (n != '1')}" for n in ("1", "5", "20", "50")}
HTML(figures.table(rows, columns, f"Mean squared error on {len(few)} test tasks, noise included."))

# %% tags=["hide-input"] jupyter={"source_hidden": true}
say(f"""
- **Patience helps the pretrained network, and does not save it.** Its best entry for 20 or 50
  steps is {min(patient):.2f}; MAML is at {maml[5]:.2f} after five.
- **MAML learnt one way of learning.** It was trained for α = {settings.step_size:g}; with
  α = {rows[-1]["size"]} it stands at {rows[-1]["5"]} after five steps.
- **Noise is in every number:** {settings.noise**2:.2f} of each error nobody can avoid.
- **A small unfairness, in nobody's favour.** Both networks also learn 20 numbers that stand
  beside every input (a *bias transformation*), as in the authors' code: hence 22,521 weights.
- **The map is a sketch.** Two weights, four tasks. It shows why MAML wants another place; it
  does not prove that thousands of weights behave alike.
- **All tasks were waves.** That is what a single starting point needs: tasks that are alike.
  What if some are lines?
""")

# %% [markdown]
# ## Recap
#
# - Pretraining asks for a $\theta$ that is good before learning, MAML for one that is good after it.
# - The two are equally bad guesses. Only one of them learns enough from five points.
# - On the map: a tall wave is a worse guess, but it moves. In the network: the same curve, easier to bend.
# - The meta-gradient has one factor for every inner step. Check it with finite differences.
#
# All your answers can be kept in a file: run `JOURNAL.export("my-answers-lesson-1.md")` after
# `from mmaml_lite.course import JOURNAL`.
#
# **Next:** [lesson 2](02_maml_fails.ipynb) adds families one by one, until one starting point cannot
# serve them all. Words you are unsure of stand in the [glossary](../docs/glossary.md).

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import JOURNAL, write_metrics

if out_dir:
    JOURNAL.export(f"{out_dir}/my-answers-lesson-1.md")
stages = {name: {"before": e[0], "five steps": e[5]} for name, e in found.items()}
numbers = {n: {k: interval(e) for k, e in s.items()} for n, s in stages.items()}
write_metrics(out_dir, numbers | {"bayes": floor["Bayes"], "map_least": there.least})
