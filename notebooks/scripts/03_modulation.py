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
# # 3 · Modulation: turning a network's knobs
#
# One starting point cannot serve waves, lines and parabolas at once (lesson 2). So give every task its
# own: look at its five points, then turn a few hundred knobs inside the network. That is
# [modulation](../docs/glossary.md#modulation), and this lesson takes it apart.
#
# After this lesson you can
#
# - say what a softmax gate, a sigmoid gate and **FiLM** do to a layer, and write them;
# - name what each of them *cannot* do;
# - look at the modulation of a trained model, and tell which part of it does the work.
#
# *About 35 minutes to read and try; all cells together run in about a minute on a laptop's CPU.*
# Run the cells one after another with <kbd>Shift</kbd>+<kbd>Enter</kbd>.
# Code that need not be read is folded; a click on its dots opens it.

# %% tags=["parameters"]
modulation: str = "film"  # the model under the microscope, one of: film | sigmoid | softmax
seed: int = 0  # which tasks you see first
fast: bool = False  # True uses fewer test tasks: a quick test run
out_dir: str = ""  # a folder for metrics.json; "" writes nothing

# %%
from mmaml_lite import load
from mmaml_lite.course import lesson, say, show, widgets, write_metrics

kinds = ("film", "sigmoid", "softmax")
models = {kind: load(f"regression/3-modes/mumomaml-{kind}") for kind in kinds}
model, maml = models[modulation], load("regression/3-modes/maml")
widgets.first_look(model, seed)

# %% [markdown]
# **Drag a point.** The solid curve follows at once, and nothing has been learned: not one gradient
# step was taken. The dotted curve never moves. It is the same network with its modulation removed, and
# without it the network does not get to see your points at all.
#
# Try to make it draw a line. Then a wave. Then take a point far away: where does it stop
# understanding you?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
say(lesson.weights_shown(models | {"maml": maml}))

# %% [markdown]
# ## The whole machine, box by box
#
# This is Figure 1 of the paper. The orange path looks at the examples and writes down $\tau$; the
# blue one is the [task network](../docs/glossary.md#task-network), whose blocks $\tau$ acts on. **Click along the
# arrows**: every box shows its equation, the function of this library that computes it, and the
# shapes of the tensors when 75 tasks pass through the model you just played with.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.overview_explorer(model, seed=seed)

# %% [markdown]
# ## The idea: one small vector for each layer
#
# A [block](../docs/glossary.md#block) is layer, modulation, activation. Its layer computes
# $z = W h + b$, one number for each [unit](../docs/glossary.md#unit). A linear [head](../docs/glossary.md#head) reads the
# [embedding](../docs/glossary.md#embedding) $\upsilon$ and gives raw numbers $e$; a small function makes
# $\tau$ of them, and $\tau$ acts on $z$ **before** the activation:
#
# | modulation | $\tau$ from the raw $e$ | the block | so each unit |
# |:--|:--|:--|:--|
# | [softmax](../docs/glossary.md#softmax-gate) | $\tau = \mathrm{softmax}(e)$ | $\mathrm{relu}(\tau \odot z)$ | gets a share of a sum that is always one |
# | [sigmoid](../docs/glossary.md#sigmoid-gate) | $\tau = \mathrm{sigmoid}(e)$ | $\mathrm{relu}(\tau \odot z)$ | is turned down, by a factor between 0 and 1 |
# | [FiLM](../docs/glossary.md#film) | $\gamma = 1 + e_\gamma,\ \ \beta = e_\beta$ | $\mathrm{relu}(\gamma \odot z + \beta)$ | is scaled by any number, and shifted |
#
# | symbol | in words |
# |:--|:--|
# | $z$ | what the units of a layer put out before the activation |
# | $e$ | what a head says, any numbers |
# | $\tau$ | the modulation vector: what acts on the units |
# | $\gamma, \beta$ | the two rows of FiLM's $\tau$: scale and shift |
# | $\odot$ | entry by entry: unit 3 meets entry 3, and no other |
#
# ## Your prediction
#
# In a moment you get a layer of six units that together draw a wave, and a fader for every $e$. The
# aim: **turn the wave upside down.** Who can?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import Prediction

upside_down = Prediction(
    {"A": "all three", "B": "sigmoid and FiLM", "C": "FiLM alone", "D": "none of them"},
    question="Which modulation can turn the wave upside down?",
)
widgets.ask(upside_down)

# %% [markdown]
# ## Play: six units and a mixing desk
#
# Choose a modulation and move faders. Beside them: what each of the six units adds to the curve. Then choose
# a target and try to reach it: *half as high*, *a straight line*, *moved right by 1*, *upside down*. If
# you give up, a button shows the best setting we know. It is not always good.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.gate_explorer("softmax")

# %% [markdown]
# Three things to notice:
#
# 1. Under **softmax** with all $e = 0$ the wave has nearly gone: each of the six units keeps one sixth. With
#    100 units it is one hundredth, layer after layer. And *all scales +* does nothing. Why?
# 2. Under **sigmoid** every panel can shrink and none can grow, turn or move.
# 3. Under **FiLM**, try $e = -2$ for a scale: $\gamma = -1$, and the ramp opens to the other side.
#
# Now measured, for every pair of gate and target:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import figures

nearest = widgets.reachable()
show(figures.reach(nearest), {})
can = [name for name in widgets.GATES if nearest["upside down"][name] < 0.1]
widgets.answer(
    upside_down,
    {3: "A", 2: "B", 1: "C", 0: "D"}[len(can)],
    "Nearest to the upside-down wave: "
    + ", ".join(f"{name} {off:.2f}" for name, off in nearest["upside down"].items())
    + ". A gate never changes a sign and never moves a ramp; FiLM does both.",
)

# %% [markdown]
# Properties, checked with the library's own functions and the trained weights:

# %% tags=["keep_output", "hide-input"] jupyter={"source_hidden": true, "outputs_hidden": true}
# NBVAL_CHECK_OUTPUT
import torch

from mmaml_lite import MODULATIONS

film = models["film"].learner
network, theta, x = film.network, dict(film.theta), torch.linspace(-5, 5, 101)[:, None]
plain = network(theta, x, {})
silent = {i: MODULATIONS["film"].vector(torch.zeros(200)) for i in range(3)}
e = torch.randn(7, 100, generator=torch.Generator().manual_seed(0))
total = MODULATIONS["softmax"].vector(e).sum(-1)
same = torch.equal(network(theta, x, silent), plain)
print("FiLM with e = 0 is the plain network, exactly:", same)
print("softmax: the gates of a layer sum to one:", torch.allclose(total, torch.ones(7, 1)))
print("all layers off: the network still bends:", plain.diff(n=2, dim=0).abs().max().item() > 0.01)

# %% [markdown]
# The last line is worth a check: in the authors' code, turning the modulation off leaves a *linear*
# network, because the activation goes with it. Here it stays.
#
# ## The modulation microscope
#
# Now a trained model: three layers of 100 units. Two tasks lie under the lens, A and B; *open the layers*
# puts all of the model's $\tau$ on display.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.microscope_explorer(models, maml, start=modulation, seed=seed)

# %% [markdown]
# Experiments, in this order:
#
# 1. **[Walk](../docs/glossary.md#walk).** Move *walk A ↔ B* slowly from 0 to 1. Each embedding walks to the other's, $\tau$ is computed anew
#    on the way, and the dotted curve of A turns from a wave into a line. At 1 they are **[swapped](../docs/glossary.md#swap)**: A's
#    points, B's $\tau$. Can the gradient steps repair that?
# 2. **Layers.** Back to 0. Tick *open the layers* and take away the modulation of one layer at a time.
# 3. **Three ways to do without** (the same names as in lesson 4): *[τ off](../docs/glossary.md#tau-off)*, the plain network with its
#    trained $\theta$; *[τ = its mean](../docs/glossary.md#tau-mean)*, everybody gets the average; *MAML*, another network, trained without.
#    They are three different things.
# 4. **Other models.** Under softmax a few units take nearly everything (and the curve has few bends: count
#    them). Turn one of its layers off, and look at the numbers.
#
# ## Two predictions
#
# Now not one pair but thousands of test tasks.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
swap = Prediction(
    {
        "A": "about as small as with its own τ: the mode is the same",
        "B": "up to four times as large",
        "C": "more than four times as large",
    },
    question="A sinusoid task gets the τ of another sinusoid task, a line that of another line. "
    "Its median error before any gradient step is then",
)
widgets.ask(swap)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
layer = Prediction(
    {
        "A": "the first layer, next to the input",
        "B": "the second layer, in the middle",
        "C": "the third layer, next to the output",
    },
    question="Modulation off in one layer: after the gradient steps, which layer is missed most?",
)
widgets.ask(layer)

# %% [markdown]
# ## What each part is worth, measured

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import errors, shared_tasks
from mmaml_lite.course import interventions

tasks = shared_tasks(model.settings, 300 if fast else 2000)  # the same for every row
found = interventions.table(model, tasks) | {"MAML, trained without": errors(maml.learner, tasks)}
worth = {
    n: [interventions.median_interval(e[stage]) for stage in (0, -1)] for n, e in found.items()
}
looks = {"MAML, trained without": "maml"}
show(figures.ablation(worth, looks), {"mumomaml": model, "maml": maml})

# %% tags=["hide-input"] jupyter={"source_hidden": true}
before, after = ({n: w[stage][0] for n, w in worth.items()} for stage in (0, 1))
times = before["τ of another task, same mode"] / before["as trained"]
widgets.answer(
    swap,
    "A" if times < 1.5 else "B" if times <= 4 else "C",
    f"It is {times:.1f} times as large, {before['τ of another task, same mode']:.2f} against "
    f"{before['as trained']:.2f}; with τ off it is {before['τ off (all layers)']:.2f}. So τ is no "
    "label that says *wave*: it holds this wave, its height and its place.",
)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
off = [after[f"off in layer {i}"] for i in (1, 2, 3)]
first = ", ".join(f"{before[f'off in layer {i}']:.2f}" for i in (1, 2, 3))
widgets.answer(
    layer,
    "ABC"[off.index(max(off))],
    "Median error after the steps, modulation off in layer 1, 2, 3: "
    f"{off[0]:.2f}, {off[1]:.2f}, {off[2]:.2f}; as trained {after['as trained']:.2f}. Before "
    f"the steps: {first}; what the "
    "gradient steps can repair differs from layer to layer.",
)

# %% tags=["keep_output", "hide-input"] jupyter={"source_hidden": true, "outputs_hidden": true}
# NBVAL_CHECK_OUTPUT
worse = [after[f"off in layer {i}"] > after["as trained"] for i in (1, 2, 3)]
print("no layer's modulation can be spared:", all(worse))
print("somebody else's τ is far worse than one's own:", times > 4)

# %% [markdown]
# Read the figure slowly, there is more in it. With FiLM, scale alone and shift alone are both much worse
# than the two together (each was trained beside the other, so this is no verdict on a model *trained*
# with scales only). And the mean $\tau$ is a gentler way to lose the modulation than switching it off:
# $\theta$ was trained to be acted on by *something* like it.
#
# The same three numbers for all three modulations, median error after the gradient steps:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from IPython.display import HTML

some, rows = tasks[:: 1 if fast else 4], []
for each in models.values():
    tau = interventions.own(each, some)
    ways = {"own": tau, "mean": interventions.averaged(tau), "off": {}}
    medians = {k: errors(each.learner, some, tau=t)[-1].median() for k, t in ways.items()}
    rows.append({"model": each.label} | {k: figures.error_text(v) for k, v in medians.items()})
columns = {"model": "model", "own": "as trained", "mean": "τ = its mean", "off": "τ off"}
says = f"{len(some)} test tasks. Do not rank the modulations by this table: see the limits below."
HTML(figures.table(rows, columns, says))

# %% [markdown]
# Switched off, the softmax model explodes: it grew up with gates that add up to one, and now 100 units
# speak at full voice, in three layers on top of each other.
#
# ## The code
#
# One function applies all three. $\tau$ has one row (a gate) or two (scale and shift):

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import modulate
from mmaml_lite.course import source

source(modulate)

# %% [markdown]
# and each modulation is one small function that makes $\tau$ of the head's raw output:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
for name in ("softmax", "sigmoid", "film"):
    source(MODULATIONS[name].vector)

# %% [markdown]
# A walk through the shapes, by hand: five points of one task go in, and the library agrees with the result.

# %% tags=["keep_output"]
# NBVAL_CHECK_OUTPUT
import torch.nn.functional as F

points = tasks[:1].support
tau = film.modulate(film.embed(points))
h = points.x
for i, t in tau.items():
    z = F.linear(h, theta[f"weight{i}"], theta[f"bias{i}"])
    h = torch.relu(modulate(z, t))
    print(f"layer {i + 1}: z {tuple(z.shape)}, tau {tuple(t.shape)}, h {tuple(h.shape)}")
y = F.linear(h, theta["weight3"], theta["bias3"])
agree = torch.allclose(y, film(points, points.x, steps=0)[0], atol=1e-3)
print("by hand and by the library agree:", agree)

# %% [markdown]
# ## Check yourself
#
# **1.** Write a whole **FiLM block**: layer, modulation, activation. `h` has shape (points, in), `weight`
# (out, in), and `e` holds $e_\gamma$ for all units, then $e_\beta$ for all units.

# %%
from mmaml_lite.course import QUIZ_MIX, QUIZ_SOFTMAX, check_block, check_count, check_gates


def film_block(h, weight, bias, e):
    z = h @ weight.T + bias
    return torch.relu(z)  # your code: modulate z


check_block(film_block)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def film_block(h, weight, bias, e):
#     z = h @ weight.T + bias
#     gamma, beta = e.chunk(2)
#     return torch.relu((1 + gamma) * z + beta)
# ```
# </details>
#
# **2.** Write both **gates**, for a batch: `z` has shape (tasks, points, units), `e` (tasks, units). Return the
# gated `z`, without the activation.


# %%
def sigmoid_gate(z, e):
    return z  # your code


def softmax_gate(z, e):
    return z  # your code


check_gates(sigmoid_gate, softmax_gate)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def sigmoid_gate(z, e):
#     return torch.sigmoid(e)[:, None] * z
#
# def softmax_gate(z, e):
#     return torch.softmax(e, dim=-1)[:, None] * z
# ```
#
# `[:, None]` inserts the axis of the points, along which the gate is the same.
# </details>
#
# **3.** How many numbers does $\tau$ hold for one task: FiLM, three layers of 100 units?

# %%
my_answer = None  # a number

weights = sum(w.numel() for w in theta.values())
check_count(my_answer, hidden=(100, 100, 100), rows=2, weights=weights)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `2 * 3 * 100`: a scale and a shift for each unit of each block. The output layer is not modulated.
# </details>
#
# ## Quiz

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.ask(QUIZ_SOFTMAX)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.ask(QUIZ_MIX)

# %% [markdown]
# ## Honest limits
#
# - **Taking a part away is no fair trial of it.** All interventions here tamper with a model that was
#   trained whole. They say what *this* model relies on, not what one trained without that part would reach.
# - **FiLM mixes nothing.** It multiplies a layer's output by a diagonal matrix and adds a vector. Scaling unit
#   $j$ is the same as scaling row $j$ of its weights and its bias; directions that the layer does not
#   compute stay out of reach, and have to be learned by gradient steps or kept in stock by $\theta$.
# - **The gates are not ranked here.** That takes models trained to the end, several seeds and intervals; see
#   the table of lesson 4. Weights marked *provisional* were not trained to the end.
# - **Bars are no explanation.** The units stand in an order that we chose. That a pattern repeats for sinusoids
#   does not say that a unit "is" a sinusoid unit.
# - **The six-unit layer was made by hand**, to be seen through. Trained layers are not as tidy.
#
# ## Recap
#
# - A modulation gives every unit of a layer one or two numbers, for this task: **softmax** shares out,
#   **sigmoid** turns down, **FiLM** scales, flips and shifts.
# - It acts before the activation, on unit outputs, and never mixes units.
# - $\tau$ is no label of the mode. It carries the task: even within the mode, a stranger's $\tau$ is a bad start.
# - "Without modulation" means three things: τ off, τ = its mean, a model trained without. Say which.
#
# Your answers so far can be kept: `from mmaml_lite.course import JOURNAL` and then
# `JOURNAL.export("my-answers-lesson-3.md")`.
#
# **Next:** [lesson 4](04_mumomaml_regression.ipynb) puts modulation and gradient steps together,
# and asks where the gain comes from.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
medians = {name: {"before": before[name], "after": after[name]} for name in worth}
write_metrics(out_dir, {"tasks": len(tasks), "modulation": modulation, "medians": medians})
