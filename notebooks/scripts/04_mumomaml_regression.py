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
# # 4 · MuMoMAML: look first, then learn
#
# MAML gives every task the same starting point. When tasks come from several families
# (waves, lines, parabolas), no single point is a good start for all of them. MuMoMAML first *looks*
# at the five examples, changes the starting point to suit, and only then takes its gradient steps.
#
# After this lesson you can
#
# - say what **embed**, **modulate** and **adapt** each do, and find them in the code;
# - tell three things apart that all get called "without modulation";
# - read off where the gain comes from, and how far it still is from the best possible.
#
# *About 45 minutes to read and try; all cells together run in about a minute on a laptop's CPU.*
# Run the cells one after another with <kbd>Shift</kbd>+<kbd>Enter</kbd>.
# Code that need not be read is folded; a click on its dots opens it.

# %% tags=["parameters"]
modes: int = 3  # families of functions, one of: 2 | 3
modulation: str = "film"  # one of: film | sigmoid | softmax
seed: int = 0  # which tasks you see; with retrain, also the training
retrain: bool = False  # True trains the three methods here instead of taking the shipped weights
iterations: int = 2000  # outer steps of such a training
fast: bool = False  # True uses fewer tasks: a quick test run
out_dir: str = ""  # a folder for metrics.json; "" writes nothing

# %%
from mmaml_lite import history, load
from mmaml_lite.course import figures, lesson, say, show, write_metrics

cast = lesson.load_cast(modes, modulation, seed, retrain, iterations)
examples = lesson.showcase(cast, seed)  # one task of each family, five points each
predictions = {method: lesson.curves(model, examples) for method, model in cast.items()}
show(figures.fits(lesson.fits(predictions, cast, examples)), cast)

# %% [markdown]
# This is Figure 2 of the paper, with one thing added: **Bayes**, who knows the families and the noise
# exactly and weighs every function that could have produced the five points. On average, nobody who is not
# told the family can do better.
#
# Look at the upper row first. MAML has one start for all tasks, so its curve is the same in every
# column. Multi-MAML is *told* the family and has one start for each. MuMoMAML is told nothing, and
# yet its curve is another one in each column before any gradient step: it has looked at the points.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
say(lesson.weights_shown(cast))

# %% [markdown]
# ## The idea: embed, modulate, adapt
#
# | step | in words | as a formula |
# |:--|:--|:--|
# | **embed** | an encoder reads the $K$ examples and writes down a short vector $\upsilon$ | $\upsilon = h(\{(x_k, y_k)\}_{k=1}^{K};\ \omega_h)$ |
# | **modulate** | small heads turn $\upsilon$ into a vector $\tau_i$ for each block $i$ of the network, which acts on what the block puts out | $\tau_i = g_i(\upsilon;\ \omega_g)$; the paper writes the modulated block as $\phi_i = \theta_i \odot \tau_i$ |
# | **adapt** | gradient steps on the $K$ examples, $\tau$ held fixed | $\theta' = \theta - \alpha\,\nabla_\theta\, \mathcal L\big(f(x;\theta,\tau);\ \mathcal D\big)$ |
#
# A *block* is a layer, the modulation and the activation. With FiLM, $\tau_i = (\gamma, \beta)$ scales
# and shifts what each unit of the layer puts out:
# $\;a_{i+1} = \mathrm{relu}\big(\gamma \odot (W_i a_i + b_i) + \beta\big)$, where $a_i$ goes into layer $i$.
#
# | symbol | in words |
# |:--|:--|
# | $\theta$ | the network's weights, the start that all tasks share |
# | $\upsilon$ | the task embedding: what the encoder has understood |
# | $\tau$ | the modulation vectors of this task |
# | $\theta,\tau$ together | the *modulated prior*: the upper row of the picture |
# | $\theta'$ | the fast weights after the gradient steps: the lower row |
# | $\omega_h, \omega_g$ | weights of the encoder and of the heads, the same for all tasks |
# | $\alpha$ | step size of the gradient steps |
# | $\mathcal D$ | the support set: the $K$ examples |
#
# $\theta$ and $\omega$ are trained together, so that the error *after* adapting is small. Nothing in
# that objective mentions families: that the embedding sorts them is a by-product.
#
# ## Your prediction
#
# Take the trained MuMoMAML and **switch its modulation off**: no $\tau$, just the network with its
# trained $\theta$ and the same five gradient steps.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import QUIZ_MAP, Prediction, check_film, check_floor, widgets

prediction = Prediction(
    {
        "A": "clearly smaller than MAML's",
        "B": "about the same: without modulation it is MAML",
        "C": "clearly larger than MAML's",
    },
    question="On a typical task, how does its error then compare with MAML's?",
)
widgets.ask(prediction)

# %% [markdown]
# ## Play: one task, looked at from four sides
#
# - **Move the task.** Choose a family, move its sliders. Watch the star move on the map.
# - **Take points away.** With $K = 1$ or $2$ it is often impossible to know the family, and Bayes says so.
#   (The encoder was trained on five points only: with one, its certainty is a habit.)
# - **Place your own points**, or click a mark of the map to open that task.
# - **Leave the known families:** a *tanh* or an *l1* was never trained. What does MuMoMAML make of it?
#   And Bayes, who believes in the trained families only?
# - **Modulation**: switch it off, or replace it by its mean. Then choose MAML on the right.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import errors, interval, neighbour_vote, paired, shared_tasks
from mmaml_lite.course import maps

mumomaml = cast["mumomaml"]
tasks = shared_tasks(mumomaml.settings, 300 if fast else 4000)  # the same for every method
few = tasks[:: max(1, len(tasks) // (240 if fast else 600))]
drawn = maps.tsne(lesson.embeddings(mumomaml, few).numpy(), seed)
explorer = widgets.task_explorer(cast, few, drawn, seed)
explorer

# %% [markdown]
# ## Three ways to do without modulation
#
# People say "without modulation" and mean three different things:
#
# 1. **$\tau$ off**: the trained MuMoMAML, its modulation removed;
# 2. **$\tau$ = its mean**: the trained MuMoMAML, every task given the same, average modulation;
# 3. **MAML**: another network, *trained* without modulation from the start.
#
# In code:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
tau = mumomaml.learner.modulate(mumomaml.learner.embed(tasks.support))
tau_off = {}
tau_mean = {block: t.mean(0, keepdim=True).detach() for block, t in tau.items()}

# %% tags=["hide-input"] jupyter={"source_hidden": true}
variants = {
    "mumomaml": lesson.curves(mumomaml, examples),
    "tau-mean": lesson.curves(mumomaml, examples, tau=tau_mean),
    "tau-off": lesson.curves(mumomaml, examples, tau=tau_off),
    "maml": lesson.curves(cast["maml"], examples),
}
title = "Three ways to do without modulation"
show(figures.fits(lesson.fits(variants, cast, examples), title=title), cast)

# %% [markdown]
# A few pictures prove little. Here are the medians over many test tasks, and with them your score:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
found = {method: errors(model.learner, tasks) for method, model in cast.items()}
middle = {
    "MuMoMAML": found["mumomaml"],
    "τ = mean": errors(mumomaml.learner, tasks, tau=tau_mean),
    "τ off": errors(mumomaml.learner, tasks, tau=tau_off),
    "MAML": found["maml"],
}
middle = {name: e[-1].median().item() for name, e in middle.items()}
ratio = middle["τ off"] / middle["MAML"]
listed = ", ".join(f"{name} {value:.2f}" for name, value in middle.items())
widgets.answer(
    prediction,
    "A" if ratio < 0.8 else "B" if ratio < 1.25 else "C",
    f"Median error after the gradient steps: {listed}. So τ off makes {ratio:.1f} times MAML's.",
)

# %% [markdown]
# MuMoMAML's $\theta$ was never asked to be a good start by itself; it was trained to be good *once
# $\tau$ has acted on it*. Take $\tau$ away and what is left is no MAML. This is why the honest
# comparison is with a separately trained MAML, and why a switch that says "modulation off" should
# say which of the three it means. (We compare medians: with the wrong $\tau$, gradient
# steps can run away on a few tasks and make a mean meaningless.)

# %% [markdown]
# ## The code
#
# The inner loop of Algorithm 1, for one task:
#
# $$\theta' = \theta - \alpha\,\nabla_\theta\, \mathcal L\big(f(x;\theta,\tau);\ \mathcal D\big)$$
#
# and here is the function of the library that computes it, shown and not copied:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import adapt
from mmaml_lite.course import source

source(adapt)

# %% [markdown]
# `loss` holds $\tau$ and the five examples; `torch.func.grad` differentiates it with respect to
# $\theta$, and `vmap` runs it for all tasks of a batch at once. The models in this lesson run a faster twin,
# `lowrank.stages`, which never builds a task's own weights. Is it the same? Embed, modulate and adapt,
# written out by hand for the first example task:

# %% tags=["keep_output"]
# NBVAL_CHECK_OUTPUT
from torch.func import grad

learner, support = mumomaml.learner, examples.support
upsilon = learner.embed(support)  # embed
tau = learner.modulate(upsilon)  # modulate
tau_0 = {i: t[0] for i, t in tau.items()}
theta = dict(learner.theta)
for alpha in learner.step_sizes():  # adapt: tau_0 stays as it is
    slope = grad(lambda w: (learner.network(w, support.x[0], tau_0) - support.y[0]).square().mean())
    theta = {name: theta[name] - alpha[name] * g for name, g in slope(theta).items()}
by_hand = learner.network(theta, examples.query.x[0], tau_0)
library = learner(support, examples.query.x)[-1, 0]
print("by hand and by the library agree:", bool((by_hand - library).abs().max() < 1e-3))

# %% [markdown]
# ## What the encoder has understood
#
# Each task is now a vector $\upsilon$. To look at vectors of that length we lay them out on a plane with
# t-SNE, which keeps neighbours together (Figure 2c of the paper). The arrows point at the tasks of
# the first picture.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
view = lesson.embedding_map(mumomaml, few, examples, drawn)
show(figures.embedding_map(view), {"mumomaml": mumomaml})

# %% tags=["keep_output", "hide-input"] jupyter={"source_hidden": true, "outputs_hidden": true}
# NBVAL_CHECK_OUTPUT
agree = neighbour_vote(lesson.embeddings(mumomaml, few), few.mode)
fewer = 1 - agree < 0.5 * (1 - 1 / modes)
print("neighbours of another family are less than half as frequent as by chance:", fewer)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
say(
    f"In the full embedding, the nearest neighbour of a task is of the same family in "
    f"**{100 * agree:.0f} %** of cases; by chance it would be {100 / modes:.0f} %. Where "
    "families mix, read the functions: a flat parabola or a faint wave *is* nearly a line, "
    "and five noisy points cannot tell."
)

# %% [markdown]
# This map was not always there. One training run, looked at a few times on its way:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
name = f"regression/{modes}-modes/mumomaml-{modulation}"
snapshots = history(name)
if snapshots:
    view = lesson.forming(snapshots, tasks[:: len(tasks) // 300])
    show(figures.forming(view), {})
    say(
        f"Even an untrained encoder puts **{100 * view.agree[0]:.0f} %** of these tasks next to "
        f"one of their own family: five points of a steep line look alike to any network. Training "
        f"brings it to {100 * view.agree[-1]:.0f} %, and takes thousands of steps to do so."
    )

# %% [markdown]
# ## More fits
#
# The paper's Figures 8 and 9: other tasks of each family, drawn at random and not chosen. First
# before any gradient step, then after five.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
before, after = lesson.gallery(cast, 4, seed)
show(figures.gallery(before, title="Before any gradient step"), cast)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(figures.gallery(after, title="After five gradient steps"), cast)

# %% [markdown]
# ## Where the gain comes from
#
# Both modulation and gradient steps lower the error. Which does how much? We follow the error, on
# the same test tasks for all, from knowing nothing (answer 0 everywhere) through modulation and each
# gradient step, down towards the floors that cannot be passed.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
floors = lesson.stored_floors(modes)
nothing = tasks.query.y.square().mean().item()
mean = {k: e.mean(1).numpy() for k, e in found.items()}
half = {k: [interval(stage)["ci95"] for stage in e] for k, e in found.items()}
show(figures.error_by_stage(mean, half, nothing, floors), cast)

# %% tags=["keep_output", "hide-input"] jupyter={"source_hidden": true, "outputs_hidden": true}
# NBVAL_CHECK_OUTPUT
gain = paired(found["maml"][-1], found["mumomaml"][-1])
print("MuMoMAML beats MAML by more than the 95 % interval:", gain["mean"] > gain["ci95"])
added = paired(found["mumomaml"][0], found["mumomaml"][-1])
print("its steps improve on its own modulation by more than that:", added["mean"] > added["ci95"])

# %% tags=["hide-input"] jupyter={"source_hidden": true}
last = {k: m[-1] for k, m in mean.items()}
say(
    "Whoever comes first takes the easy error: MAML's first step, from a start that fits nothing, "
    "removes a lot as well. So ask what each adds to the other. This network's modulation alone "
    f"stands at {mean['mumomaml'][0]:.2f}, gradient steps without modulation (MAML) end at "
    f"{last['maml']:.2f}, both together at **{last['mumomaml']:.2f}**. The difference from MAML is "
    f"{gain['mean']:.2f} ± {gain['ci95']:.2f}, task by task on {len(tasks):,} tasks, for one "
    f"training run of each{' (MAML provisional)' if cast['maml'].provisional else ''}. What is "
    f"left is still about **{last['mumomaml'] / floors['Bayes']:.1f} times** Bayes; the table "
    "below says it more precisely, on more tasks."
)

# %% [markdown]
# One comparison is missing. The modulation above was trained *to be followed by steps*, and then we stopped it
# before them. What about the same network, trained from the start to do without any? That is the
# [LSTM learner](../docs/glossary.md#lstm-learner).

# %% tags=["hide-input"] jupyter={"source_hidden": true}
reader = load(f"regression/{modes}-modes/lstm-learner")
read = errors(reader.learner, tasks)[-1]
off = paired(read, found["mumomaml"][-1])
verdict = (
    "no difference that these tasks could show"
    if abs(off["mean"]) < off["ci95"]
    else "a smaller error than with steps"
    if off["mean"] < 0
    else "a larger error than with steps"
)
trained = [model.settings.iterations for model in (reader, mumomaml)]
if modulation != "film" or trained[0] != trained[1]:
    so = (
        f"But beware: it modulates by FiLM and was trained for {trained[0]:,} outer steps, the "
        f"MuMoMAML here by {modulation} for {trained[1]:,}: they differ in more than the steps."
    )
elif off["mean"] < off["ci95"]:
    so = (
        "So what the steps do for *this* network, another training puts into the encoder. Whoever "
        "claims that both are needed must train each of them alone, too."
    )
else:
    so = "So here the steps find what reading alone does not."
say(
    f"Trained never to step, it ends at **{read.mean():.2f}**: {off['mean']:+.3f} ± "
    f"{off['ci95']:.3f} from MuMoMAML after five steps, {verdict}. {so}"
)

# %% [markdown]
# ## The table
#
# The paper's Table 1, the follow-up paper's numbers for the same experiment, and ours. First as a picture:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import read_results, removed
from mmaml_lite.course import comparison

results = read_results(f"regression/{modes}-modes")
show(figures.distances([comparison.distances(results)]), {})

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from IPython.display import HTML

HTML(comparison.scoreboard(modes))

# %% [markdown]
# The two papers share authors and setting, and still differ. At least part of that can be chance, for
# these errors have heavy tails (below). That is why our rows carry intervals. They are over test tasks;
# that a second training ends elsewhere is not in them. With two modes MAML, Multi-MAML and FiLM were
# trained three times: their rows are the means, and the
# [single runs](../docs/regression.md#how-to-read-the-tables) tell how far one training may lie off.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
by = {r: results["methods"][f"{r}/mumomaml-film"] for r in ("paper", "ours")}
left = {r: removed(results, record)[1] for r, record in by.items()}
times = {r: record["x_bayes"]["mean"] for r, record in by.items()}
say(
    "**A good reader leaves little to learn.** Our recipe has another encoder, to which the order "
    "of the points is all the same, larger batches and a learning rate that falls; and it takes "
    f"gradient steps only in the last tenth of its training. FiLM ends at {times['ours']:.2f} "
    f"times Bayes instead of {times['paper']:.2f}. But look at the steps: trained by the paper's "
    f"recipe, they remove {left['paper']:.0%} of the avoidable error that modulation leaves; "
    f"trained by ours, {left['ours']:.0%}. What is still missing up to Bayes, these steps do not "
    "find either."
)

# %% [markdown]
# ## Train one yourself
#
# Press **Start**. The run goes on in the background, the notebook stays yours: move the sliders of the
# explorer above meanwhile. **Pause** whenever you like; the run is kept in a file and goes on
# where it stopped, even after a restart.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
live = widgets.LiveTraining(name, examples, iterations=3000, seed=seed)
live

# %% [markdown]
# What to look for: within a few hundred steps the thick curves find the points, while the dotted ones still
# make no sense: gradient steps learn first. Only by the thousandth step do the dotted curves of the
# three tasks begin to differ: modulation takes its time, as the slider of the map above shows.
#
# ## Check yourself
#
# **1.** Write FiLM. `z` has shape (points, units), `gamma` and `beta` have one entry for each unit.


# %%
def film(z, gamma, beta):
    return z  # your code


check_film(film)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `return gamma * z + beta`. The last axis of `z` is the units, so both vectors broadcast over the points.
# The library's version is `mmaml_lite.modulate`.
# </details>
#
# **2.** Suppose a method *knew the true function*. What mean squared error would it still make on
# our test targets, whose noise has standard deviation 0.3?

# %%
my_answer = None  # a number

check_floor(my_answer, mumomaml.settings.noise, floors["Bayes"])

# %% [markdown]
# <details><summary>Solution</summary>
#
# `0.3 ** 2`: the variance of the noise. Every error in this lesson that is measured against noisy
# targets contains it; the numbers beside the curves do not.
# </details>
#
# **3.** One question before the limits.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.ask(QUIZ_MAP)

# %% [markdown]
# ## Honest limits
#
# **Five points may not be enough for anyone.** The tasks in the first picture were chosen so that
# their points are spread out. Here all five lie in one half:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
hard = lesson.showcase(cast, seed, spread=False)
predictions = {k: lesson.curves(m, hard) for k, m in cast.items()}
title = "All five points in one half: what the other half holds is a guess"
show(figures.fits(lesson.fits(predictions, cast, hard), title=title), cast)

# %% [markdown]
# The band tells an honest guess from knowledge. On a single task a lucky method may come closer than Bayes;
# on average over tasks, nobody does.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import Examples

e = found["mumomaml"][-1].sort(descending=True).values
worst = e[: max(1, len(e) // 100)].sum() / e.sum()
some = tasks[::10]
turned = Examples(some.support.x.flip(1), some.support.y.flip(1))
changed = learner(turned, some.query.x)[-1] - learner(some.support, some.query.x)[-1]
long = errors(cast["maml"].learner, some, steps=50).mean(1)
worse = (found["mumomaml"][-1] > found["mumomaml"][0]).float().mean().item()
lost = (found["maml"][-1] < found["mumomaml"][-1]).float().mean().item()
noise, alpha = mumomaml.settings.noise, cast["maml"].settings.step_size
say(f"""
- **Heavy tails.** The worst 1 % of the tasks carry {100 * worst:.0f} % of MuMoMAML's whole
  error (median {e.median():.2f}, mean {e.mean():.2f}). A few hundred test tasks cannot rank
  methods that are nearly as good as each other.
- **Noise is in every number.** {noise**2:.2f} of each error in the table is noise in the targets.
- **The encoder reads an order.** It is an LSTM: the same five points in reverse order move
  its predictions by {changed.square().mean().sqrt().item():.2f} (root mean square), though the task
  is the same.
- **MAML's steps are small.** With a step size of {alpha}, five steps are few for steep lines:
  given 50, the same MAML gets from {long[5]:.2f} to {long[-1]:.2f}. A tuned step size belongs
  into a fair comparison.
- **Not always.** On {100 * worse:.0f} % of these tasks MuMoMAML's gradient steps make its error
  larger, and on {100 * lost:.0f} % MAML ends nearer than MuMoMAML.
- **More weights.** MuMoMAML has an encoder that MAML lacks, with weights of its own. Part
  of the gain may be simply that: a fair test would give MAML as many. (MAML has a small thing
  that MuMoMAML lacks: 20 learned numbers beside the input, as in the authors' code.)
""")

# %% [markdown]
# ## Recap
#
# - **Embed**: the encoder reads the examples. **Modulate**: each block's units are scaled and
#   shifted for this task. **Adapt**: gradient steps from there.
# - In a network trained with both, modulation and steps each do a large part. A network trained to read
#   alone gets as far: steps are one way to use the points, not the only one.
# - Modulation off is not MAML. Say which "without" you mean.
# - Compare with intervals, on many tasks, and with what is possible at all.
#
# To keep or hand in your answers, run in a cell of your own
# `from mmaml_lite.course import JOURNAL; JOURNAL.export("my-answers-lesson-4.md")`.
# Terms and symbols: the [glossary](../docs/glossary.md).
#
# **Next:** the same three steps where examples are trajectories and the loss is a return:
# reinforcement learning. Or run this lesson with other `modes` or another `modulation` in the parameters cell.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
write_metrics(out_dir, lesson.metrics(found, floors) | {"neighbours_agree": agree})
