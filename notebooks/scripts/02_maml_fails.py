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
# # 2 · Many families: one initialisation cannot serve them
#
# In lesson 1 all tasks were sinusoids, and MAML found a start from which a few gradient steps
# reach any of them. Now we invite other families to the party: lines, parabolas, steps, Vs. MAML
# still has **one** start. Guess who suffers.
#
# After this lesson you can
#
# - say what happens to MAML's [initialisation](../docs/glossary.md#initialisation) as
#   [modes](../docs/glossary.md#mode) are added, and towards which curve it goes;
# - tell apart two reasons why MAML fails: steps that are too small, which can be cured, and *one
#   kernel for all tasks*, which no number of small steps can cure;
# - say honestly how much of MAML's deficit is only a matter of its steps.
#
# *About 40 minutes to read and try; all cells together run in about a minute on a laptop's CPU.*
# Run the cells one after another with <kbd>Shift</kbd>+<kbd>Enter</kbd>.
# Code that need not be read is folded; a click on its dots opens it.

# %% tags=["parameters"]
families: int = 1  # where the dial starts, one of: 1 | 2 | 3 | 4 | 5
seed: int = 0  # which tasks you see
fast: bool = False  # True uses fewer tasks: a quick test run
out_dir: str = ""  # a folder for metrics.json; "" writes nothing

# %%
from mmaml_lite import load
from mmaml_lite.course import figures, lesson, say, show, source, widgets, write_metrics

alone = {"maml": load("regression/1-mode/maml")}
title = "Where we come from: MAML, trained on sinusoids only"
show(figures.adaptation(widgets.sinusoid_fit(alone, 3.0, 1.0, seed), title), alone)

# %% [markdown]
# Dotted is MAML's one start: not flat at all, but a wave of its own. Five steps bend it into the
# sinusoid that the five points come from.
#
# ## Your predictions
#
# Train MAML again, on sinusoids **and four other families**: lines, parabolas, tanh steps and V
# shapes. Each family brings as many tasks as any other, so MAML sees just as many sinusoids as before.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import JOURNAL, Prediction, check_remaining, check_rescue

grows = Prediction(
    {
        "A": "about the same: it has seen as many sinusoids",
        "B": "larger, but not three times as large",
        "C": "more than three times as large",
    },
    question="With five families instead of one, MAML's error on sinusoid tasks is",
)
widgets.ask(grows)

# %% [markdown]
# Now with your hand. The picture above shows MAML's curve *before any gradient step* when it is
# trained on sinusoids alone. **Draw that curve for a MAML that is trained on sinusoids and
# lines.** (Half of its tasks are lines of any slope, up or down.)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
sketch = widgets.Sketch("MAML's curve before any step, trained on sinusoids and lines", (-3.0, 3.0))
sketch

# %% [markdown]
# ## Play: the mode-mix dial
#
# Move **families** from 1 to 5: one family more joins the training each time, in the order
# sinusoid, line, parabola, tanh, V. The tasks that we *test* on stay sinusoids throughout. Beside MAML
# stands MuMoMAML, which looks at the five points before it starts (lessons 3 and 4 open it up), and
# below both the [Bayes-optimal predictor](../docs/glossary.md#bayes): nobody can be better.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
dial = widgets.dial_explorer(families, seed)
dial

# %% tags=["hide-input"] jupyter={"source_hidden": true}
import numpy as np

error, ratio = dial.view.error, dial.view.ratio
times = error["maml"][-1] / error["maml"][0]
widgets.answer(
    grows,
    "A" if times < 1.25 else "B" if times < 3 else "C",
    f"MAML's error on sinusoid tasks becomes {times:.1f} times as large.",
)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
x, starts, means = dial.view.x, dial.view.priors, dial.view.means
sketch.answer(
    x,
    starts[1],
    np.zeros_like(x),
    "The plain guess is the zero line. MAML's start is roughly the sinusoids' mean curve, halved: "
    "lines go up as often as down, so on average they add nothing.",
)

# %% tags=["keep_output", "hide-input"] jupyter={"source_hidden": true, "outputs_hidden": true}
# NBVAL_CHECK_OUTPUT
print(
    "MAML with 5 families is over 3 times as far from Bayes:",
    ratio["maml"][4] > 3 * ratio["maml"][0],
)
print("MuMoMAML with 5 families is nearer to Bayes:", ratio["mumomaml"][4] < ratio["maml"][4])
heights = np.sqrt(np.square(starts).mean(1))
print("MAML's start with 5 families is less than 0.7 as high:", heights[4] < 0.7 * heights[0])

# %% tags=["hide-input"] jupyter={"source_hidden": true}
shown = " → ".join(f"{r:.2f}" for r in ratio["maml"])
other = " → ".join(f"{r:.2f}" for r in ratio["mumomaml"])
best, astray = error["bayes"], np.sqrt(np.square(starts - means).mean(1))
say(f"""
**Read the dial like this.**

- Even Bayes gets worse, from {best[0]:.2f} to {best[4]:.2f}: with more families, five points leave
  more doubt. That part is nobody's fault, so we divide by it.
- **MAML, in multiples of Bayes: {shown}.** The same network, as many sinusoids; what it lost, it
  lost to the company.
- MuMoMAML: {other}. Not perfect either. With a single family its edge over MAML is small (what is
  there to tell apart but height and place?); the edge comes with the families.
- MAML's start flattens: {", ".join(f"{h:.2f}" for h in heights)} high (root mean square). From the
  mean curve it is {", ".join(f"{a:.2f}" for a in astray)} away: near it, not on it.
""")

# %% [markdown]
# ### Why the start flattens
#
# Look at the dashed curve in the upper right panel: the mean of *all* functions of the mixture.
# For sinusoids $A \sin(x - \varphi)$ with $A$ in [0.1, 5] and $\varphi$ in $[0, \pi]$ it is
#
# $$m(x) = \mathbb E[A]\;\mathbb E[\sin(x - \varphi)] = 2.55 \cdot \left(-\tfrac{2}{\pi} \cos x\right) \approx -1.62 \cos x.$$
#
# Every other family is symmetric: for each line, parabola, step or V its mirror image is as
# likely, so its mean is zero, and with $M$ families the mean is $m(x) / M$. Should you have to
# name one curve before you see any point, the mean is the one with the smallest expected squared error.
# MAML's start lies near it: a compromise that belongs to no family at all.
#
# But a dull start alone need not be a disaster: gradient steps come after it. Why do they not
# repair it? There are two reasons, and they are worth telling apart.
#
# ## Why, part one: steps that contract too little
#
# The smallest case in which one start must serve two tasks: $f$ and its mirror image $-f$. By
# symmetry the best common start is 0, whatever comes after. So everything depends on the steps. **Raise α
# slowly** and watch both curves; then go on past the point where it is best.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
contraction = widgets.contraction_explorer()
contraction

# %% [markdown]
# With a model that is linear in its parameters and a squared loss, the loss is $e^\top H e$, where
# $e = \theta - \theta^*$ is how far the parameters are off. Its gradient is $2 H e$, so a step of
# [gradient descent](../docs/glossary.md#inner-loop) takes $e$ to $(I - 2\alpha H)\,e$, and
#
# $$e_n = (I - 2 \alpha H)^n\, e_0 , \qquad \text{in a direction of curvature } \lambda:\quad \text{share left} = (1 - 2 \alpha \lambda)^n .$$
#
# | | |
# |:--|:--|
# | $\alpha$ tiny | hardly anything happens: MAML fails on $f$ and on $-f$, although its start is the best there is |
# | $\alpha = 1 / (2 \lambda)$ | **rescued**: one step learns either task, from the same start |
# | $\alpha > 1 / \lambda$ | diverges: each step overshoots by more than it mends |
#
# The label of the task does not occur. So *this* failure is not about having one start for many tasks: it
# is about steps, and the right step size cures it. Here is the library's formula:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import contraction as contracting

source(contracting.residual_path)

# %% tags=["keep_output"]
# NBVAL_CHECK_OUTPUT
import torch

draw = torch.Generator().manual_seed(0)
phi = torch.randn(5, 3, generator=draw, dtype=torch.float64)  # 5 points, 3 parameters
label = torch.randn(5, generator=draw, dtype=torch.float64)
best_w = torch.linalg.lstsq(phi, label[:, None]).solution[:, 0]
path = contracting.descend(phi, label[None], alpha=0.1, steps=8)[0]
formula = contracting.residual_path(phi.T @ phi / 5, -best_w, alpha=0.1, steps=8)
print("gradient descent and the formula agree:", torch.allclose(path - best_w, formula))

# %% [markdown]
# ### Check yourself
#
# **1.** Write the share of the residual that is left after `n` steps.


# %%
def remaining(alpha, lam, n):
    return 1.0  # your code


check_remaining(remaining)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `return (1 - 2 * alpha * lam) ** n`. It may be negative, after overshooting an odd number of times.
# The library's version is `contracting.remaining`.
# </details>
#
# **2.** The curvature is λ = 0.4. Which α rescues $f$ and $-f$ in a *single* step? (The explorer can
# tell you; so can a pencil.)

# %%
my_alpha = None  # a number

check_rescue(my_alpha, curvature=0.4)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `1.25`: the share left, $1 - 2 \alpha \lambda$, is zero at $\alpha = 1 / (2 \lambda) = 1 / 0.8$.
# </details>
#
# ## Is it only the step size?
#
# MAML's α is fixed at 0.001, which looks timid. So is MAML's failure just a badly chosen
# number? It has been suspected often, so let us ask honestly. **Predict first:** take the trained MAML
# for sinusoids and lines, multiply its step size by whatever factor is best, and let it take its five steps.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
cures = Prediction(
    {
        "A": "at least two thirds of it: it was the step size",
        "B": "something between",
        "C": "less than a third of it",
    },
    question="Of the gap between MAML and MuMoMAML, the best factor on the step size closes",
)
widgets.ask(cures)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import errors, interval, paired, shared_tasks

cast = dict(lesson.load_cast(2))
cast["tuned-maml"] = load("regression/2-modes/tuned-maml")
tasks = shared_tasks(cast["maml"].settings, 300 if fast else 4000)  # the same for all
found = {key: errors(model.learner, tasks) for key, model in cast.items()}
ours = load("regression/2-modes/tuned-maml", recipe="ours")
found["our recipe"] = errors(ours.learner, tasks)
floors = lesson.stored_floors(2)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
factors = np.array([0.25, 0.5, 0.75, 1, 1.5, 2, 4])
part = slice(None, None, 1 if fast else 2)  # every second task is enough here
some, pair = tasks[part], {key: cast[key] for key in ("maml", "tuned-maml")}
by_factor = {k: contracting.sweep(m.learner, some, factors) for k, m in pair.items()}
many = {k: contracting.errors_with(m.learner, some, steps=50) for k, m in pair.items()}
half = {k: np.array([interval(one)["ci95"] for one in e]) for k, e in by_factor.items()}
levels = {"MuMoMAML, 5 steps": found["mumomaml"][-1].mean().item(), "Bayes": floors["Bayes"]}
swept = figures.sweep(
    factors,
    {k: e.mean(1).numpy() for k, e in by_factor.items()},
    {k: e.mean(1).numpy() for k, e in many.items()},
    half,
    levels,
)
show(swept, pair)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
last = {key: e[-1, part] for key, e in found.items()}
last |= {"50 steps": many["maml"][-1], "tuned, 50 steps": many["tuned-maml"][-1]}
gap = (last["maml"] - last["mumomaml"]).mean()
top = by_factor["maml"].mean(1).argmin()
last["factor"] = by_factor["maml"][top]
closed = ((last["maml"] - last["factor"]).mean() / gap).item()
widgets.answer(
    cures,
    "A" if closed > 2 / 3 else "B" if closed > 1 / 3 else "C",
    f"The best factor tried is {factors[top]:g}; it closes {closed:.0%} of the gap.",
)

# %% [markdown]
# ### Why the trained α is hard to beat
#
# The formula asks for the product $\alpha \lambda$, not for α. MAML may not touch α, but it owns θ, and
# θ decides λ: scale the weights and the loss gets steeper. So let us measure λ, on MAML's own network,
# as the eigenvalues of its kernel at the five points of a task (the next section says what that kernel is).

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import build
from mmaml_lite.course import kernels

alpha, few = cast["maml"].settings.step_size, tasks[:: len(tasks) // 100]
trained = kernels.curvatures(cast["maml"].learner, few.support)
untrained = kernels.curvatures(build(cast["maml"].settings), few.support)
left = {
    f"{n} steps{', α doubled' if f == 2 else ''}": contracting.remaining(f * alpha, trained, n)
    for f, n in ((1, 5), (1, 50), (2, 5))
}
show(figures.directions({k: s.abs().median(0).values.numpy() for k, s in left.items()}), {})
steep = [(alpha * lam[:, 0]).median().item() for lam in (untrained, trained)]
say(
    f"In the steepest direction αλ is **{steep[0]:.3f}** before training and **{steep[1]:.2f}** "
    "after it (medians; from 1 on, steps diverge). MAML could not tune α, so it tuned λ, close to "
    "the edge. A larger α only pushes it over. What is left is in the *flat* directions, and there "
    "patience helps: more steps, not larger ones."
)

# %% [markdown]
# ### Tuned MAML, honestly
#
# The fair opponent is a MAML whose step sizes are *learned* together with θ, one for each layer and each
# step ("tuned MAML"). These are the step sizes that it chose:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
log, steps = cast["tuned-maml"].learner.log_step_sizes, cast["tuned-maml"].settings.steps
lines = [
    "| | " + " | ".join(f"step {i + 1}" for i in range(steps)) + " |",
    "|:--" + "|--:" * steps + "|",
]
for i, name in enumerate(sorted(log)):
    alphas = " | ".join(f"{a:.4f}" if a > 5e-5 else "≈ 0" for a in log[name].exp().tolist())
    lines.append(f"| layer {i + 1} | {alphas} |")
say(
    "\n".join(lines)
    + f"""

Read it row by row, beside the {cast["maml"].settings.step_size} that MAML has everywhere. The
first layer, which decides where features have their places, moves in every step; the layers behind
it rest in most steps. {lesson.weights_shown(cast)}"""
)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import REGRESSION, read_results

measured = read_results("regression/2-modes")  # on many more tasks
lead = measured["paired"]["paper/maml - paper/mumomaml-film"]["mean"]
won = {k: paired(last["maml"], last[k]) for k in ("factor", "50 steps", "tuned, 50 steps")}
share = {key: (w["mean"] / gap.item(), w["ci95"] / gap.item()) for key, w in won.items()}
for key in ("paper/tuned-maml", "ours/tuned-maml"):
    better = measured["paired"][f"paper/maml - {key}"]
    share[key] = better["mean"] / lead, better["ci95"] / lead
says = {key: f"**{value:.0%}** ± {half:.0%}" for key, (value, half) in share.items()}
paper = {m: REGRESSION["2-modes"][m]["P1"][1] for m in ("maml", "mumomaml-film")}
gone = (paper["maml"] - last["50 steps"].mean()) / (paper["maml"] - paper["mumomaml-film"])
say(f"""
On {len(some):,} shared tasks MAML ends at {last["maml"].mean():.2f} and MuMoMAML at
{last["mumomaml"].mean():.2f}. Of this gap

- the best factor on MAML's step size closes {says["factor"]};
- 50 steps instead of 5, ten times the work, close {says["50 steps"]};
- learned step sizes, with everything else as it was, close {says["paper/tuned-maml"]};
- learned step sizes in a training of our own, which also starts from other weights, takes more
  queries and learns faster, close {says["ours/tuned-maml"]};
- learned step sizes *and* 50 steps (from the sixth on with the sizes of the fifth) close
  {says["tuned, 50 steps"]}.

(The third and the fourth are measured on all {measured["tasks"]:,} test tasks, as shares of the gap
there, the others on the tasks above.) So of MAML's deficit after five steps,
{share["paper/tuned-maml"][0]:.0%} *is* a matter of the step size, and more of it can be had for ten
times the work. A comparison with five fixed steps alone would credit modulation with all of that.
In the paper the two ended at {paper["maml"]:.2f} and {paper["mumomaml-film"]:.2f}: of *that* gap,
{gone:.0%} is gone with our MAML and 50 steps, with no modulation at all.
""")

# %% [markdown]
# ## Why, part two: one initialisation is one kernel
#
# A gradient step cannot raise the curve at one place only: the weights are shared, so other places
# move too. **Pull** the curve up by 1 at the triangle and see what else moves. Move $x_0$, and press
# *other tasks*.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
three = {
    "maml": load("regression/3-modes/maml"),
    "mumomaml": load("regression/3-modes/mumomaml-film"),
}
pulling = widgets.pull_explorer(three, seed=seed)
pulling

# %% [markdown]
# How the value at $x$ follows the value at $x_0$ is the network's
# *[tangent kernel](../docs/glossary.md#tangent-kernel)*
#
# $$k(x, x_0) = \big\langle \nabla_\theta f(x; \theta, \tau),\ \nabla_\theta f(x_0; \theta, \tau) \big\rangle ,$$
#
# and it is all that small gradient steps can use. After $n$ of them, on points $X$ with labels $y$,
#
# $$y_n(x) = f_0(x) + k(x, X)\, M \,\big(y - f_0(X)\big), \qquad
# M = \tfrac{2 \alpha}{K} \sum_{i < n} \big(I - \tfrac{2 \alpha}{K} k(X, X)\big)^i .$$
#
# Look where the labels $y$ occur: once, and **linearly**. The kernel says which wiggles in the data count as
# signal and which as noise, and it is fixed before the first label is seen. For sinusoids a pull here
# should push down half a period away; for lines it should tilt the whole curve. MAML has one θ,
# so one $k$ and one answer. In MuMoMAML $k$ depends on τ: **modulation chooses the kernel**, and
# that is a step which is *not* linear in the labels.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
source(kernels.label_weights)

# %% tags=["keep_output", "hide-input"] jupyter={"source_hidden": true, "outputs_hidden": true}
# NBVAL_CHECK_OUTPUT
apart = {key: np.ptp(p, axis=0).max() for key, p in pulling.view.pull.items()}
tiny = kernels.linearised(cast["maml"].learner, few.support, few.query.x, steps=5, factor=1e-4)
real = cast["maml"].learner(few.support, few.query.x, factor=1e-4)
off = (real[-1] - tiny).norm() / (real[-1] - real[0]).norm()
print("MAML pulls alike for every task:", bool(apart["maml"] < 1e-4))
print("MuMoMAML pulls differently for each family:", bool(apart["mumomaml"] > 0.3))
print("with tiny steps the formula predicts MAML within 3 %:", bool(off < 0.03))

# %% [markdown]
# ### How far does the formula carry?
#
# With tiny steps it is exact. With MAML's own steps, the network leaves its tangent: while it learns, its kernel
# moves. Look at both.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
wave = lesson.showcase(cast, seed)[:1]
tangent = widgets.tangent_view(cast["maml"], wave, (0.03, 0.2, 1))
show(figures.tangents(tangent), {"maml": cast["maml"]})

# %% [markdown]
# So the formula is no full description of MAML. But it says what *one kernel* can achieve: we can compute the
# error of the **best label-linear predictor**, the best choice of $f_0$ and of any weights on the
# labels, for this very task distribution. (Its best $f_0$ is, once more, the mean curve.) That is a
# [floor](../docs/glossary.md#floor) for every linearised MAML, with any architecture, any α and any number of
# steps.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
stored = measured["floors"]
mean = {key: interval(e[-1]) for key, e in found.items()}
bars = [
    ("tuned MAML", "tuned-maml", mean["tuned-maml"]),
    ("tuned MAML, our recipe", "tuned-maml", mean["our recipe"]),
    ("MAML, 5 steps", "maml", mean["maml"]),
    ("MAML, 50 steps", "maml", interval(last["50 steps"])),
    ("best label-linear (floor)", None, stored["label_linear"]),
    ("Multi-MAML, told the mode", "multi-maml", mean["multi-maml"]),
    ("MuMoMAML", "mumomaml", mean["mumomaml"]),
    ("Bayes (floor)", None, stored["bayes"]),
    ("Bayes, told the mode (floor)", None, stored["bayes_mode_known"]),
]
rungs = [{"label": label, "key": key} | value for label, key, value in bars]
rungs.sort(key=lambda rung: -rung["mean"])
show(figures.ladder(rungs), cast)

# %% tags=["keep_output", "hide-input"] jupyter={"source_hidden": true, "outputs_hidden": true}
# NBVAL_CHECK_OUTPUT
floor, bayes = stored["label_linear"], stored["bayes"]
apart = floor["mean"] - floor["ci95"] > 2 * (bayes["mean"] + bayes["ci95"])
print("no label-linear predictor comes within twice Bayes:", apart)
print("MuMoMAML is below the label-linear floor:", mean["mumomaml"]["mean"] < floor["mean"])

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import label_linear, mixture_of

guess = label_linear(mixture_of(cast["maml"].settings), some)
linear = (guess - some.query.y[..., 0]).square().mean(1).float()
names = {
    "maml": "MAML, 5 steps",
    "50 steps": "MAML, 50 steps",
    "tuned-maml": "tuned MAML",
    "our recipe": "tuned MAML, our recipe",
    "mumomaml": "MuMoMAML",
}
lines = []
for key, name in names.items():
    off = paired(last[key], linear)
    side = "at" if abs(off["mean"]) < off["ci95"] else "below" if off["mean"] < 0 else "above"
    lines.append(f"- {name}: **{side}** the floor ({off['mean']:+.2f} ± {off['ci95']:.2f})")
say(
    f"Against the label-linear predictor, task by task on {len(some):,} tasks:\n\n"
    + "\n".join(lines)
    + "\n\nWhat is below the floor has done what no fixed kernel can. Where MAML gets there, it "
    "is by leaving its tangent, step by step; MuMoMAML *starts* with a kernel made to measure."
)

# %% [markdown]
# ## Multi-MAML: what if someone told us the mode?
#
# The obvious cure is one MAML for each family, and an oracle that says which one to use. It has two
# starts and two kernels. Does it win?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
lines = ["| | iterations | sinusoid tasks | line tasks |", "|:--|--:|--:|--:|"]
by_mode = {}
for key in ("maml", "multi-maml", "mumomaml"):
    by_mode[key] = [interval(found[key][-1, tasks.mode == mode]) for mode in (0, 1)]
    cells = " | ".join(f"{c['mean']:.2f} ± {c['ci95']:.2f}" for c in by_mode[key])
    lines.append(f"| {cast[key].label} | {cast[key].settings.iterations:,} | {cells} |")
wins = [
    "the oracle wins" if told["mean"] < read["mean"] else "MuMoMAML, told nothing, beats the oracle"
    for told, read in zip(by_mode["multi-maml"], by_mode["mumomaml"], strict=True)
]
say(
    "\n".join(lines)
    + f"""

On sinusoids {wins[0]}; on lines {wins[1]}. To be told the mode is worth something (Bayes falls
from {floors["Bayes"]:.2f} to {floors["Bayes, told the mode"]:.2f}), but not everything: lines of
every slope still share *one* start and *one* kernel, and a few small steps must do the rest.
MuMoMAML's τ depends on the points, so it tells a steep line from a flat one *within* the mode.
And luck counts: of ten MAMLs trained on lines alone for 1,000 steps, five had learned to move
their first layer and stood near 0.8, five only their last and stood near 1.9: nothing but the seed
differed. Multi-MAML's bias transformation, drawn once and never adapted, favours the second way
(eight of ten), and the line network of the Multi-MAML shown here took it
([measured](../docs/regression.md#what-was-asked-and-what-we-found))."""
)

# %% [markdown]
# ## Quiz

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import QUIZ_KERNEL, QUIZ_STEP

widgets.ask(QUIZ_STEP)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.ask(QUIZ_KERNEL)

# %% [markdown]
# ## Honest limits
#
# - **The dial mixes effects.** With more families the same network must also serve more tasks; some
#   of the loss may be capacity, and some that a richer mixture wants more outer steps: each point had as
#   many as the others.
# - **The kernel story is about the start.** Real networks leave their tangent, as you saw. The
#   label-linear floor binds linearised MAML, not MAML with many steps.
# - **Our best factor was chosen on the tasks it is scored on.** That favours the step size, if anything.
# - **The step sizes tuned here are those of two recipes**, the paper's and ours. Another schedule, longer
#   training or step sizes for each weight may do better. We show what we trained.
# - **One training run each.** The intervals are over tasks, not over seeds of training.
#
# ## Recap
#
# - One start for many families is a compromise near the mean of everything, and it flattens as families
#   are added.
# - Contraction is a step-size effect: $(1 - 2\alpha\lambda)^n$. MAML sets λ by itself, close to the edge.
# - One θ is one kernel: with small steps, predictions are linear in the labels, and the best of those is still far
#   from Bayes.
# - More steps help MAML honestly. Choosing the kernel by *looking at the points* helps more.
#
# **Next:** [lesson 3](03_modulation.ipynb) takes modulation apart: what softmax, sigmoid and FiLM do to a layer.
# To keep your answers, run `JOURNAL.export("my-answers-lesson-2.md")` in a new cell.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
numbers = {"times_bayes": {k: [round(float(v), 3) for v in r] for k, r in ratio.items()}}
numbers |= {"gap_closed": {key: round(value, 3) for key, (value, _) in share.items()}}
write_metrics(out_dir, lesson.metrics(found, floors) | numbers)
if out_dir:
    JOURNAL.export(f"{out_dir}/my-answers-lesson-2.md")
