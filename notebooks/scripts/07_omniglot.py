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
# # 7 · Characters: one example each
#
# Somebody shows you a letter of an alphabet that you have never seen, once. From then on you recognise it, in
# anybody's handwriting. Here you do it against machines: a few new characters, *one* drawing of each, then
# new drawings to sort. Such a [task](../docs/glossary.md#task) is called an [episode](../docs/glossary.md#episode).
#
# After this lesson you can
#
# - say what examples, labels and loss become when the examples are images;
# - say what [modulation](../docs/glossary.md#modulation) can know about an episode before any gradient step, and what it cannot;
# - read an accuracy: of which drawings, how many [ways](../docs/glossary.md#ways) and shots, by which
#   [normalisation](../docs/glossary.md#normalisation), with which interval.
#
# *About 45 minutes to read and try; all cells together run in less than two minutes on a laptop's CPU. (Nothing here
# needs lesson 6.)*
# Run the cells one after another with <kbd>Shift</kbd>+<kbd>Enter</kbd>.
# Code that need not be read is folded; a click on its dots opens it.

# %% tags=["parameters"]
data: str = "auto"  # whose drawings, one of: auto | omniglot | strokes
ways: int = 5  # characters to tell apart, one of: 5 | 20
seed: int = 0  # luck: of the game, of the episodes you see
fast: bool = False  # True uses fewer episodes: a quick test run
out_dir: str = ""  # a folder for metrics.json; "" writes nothing

# %%
from mmaml_lite.course import figures, probes, say, show, widgets, write_metrics

setting, why = probes.chosen_setting(data, ways)
say(why)
widgets.Sorting(seed, setting=setting)

# %% [markdown]
# **You are the learner.** Sort all drawings of a deal, then take a new one. Nobody taught you these characters; what
# did you *bring along*?
#
# You know what pens do: that a slant means nothing, that a missing corner means a lot. You learned it from
# thousands of other characters. That is what $\theta$ is for. And you looked at the five examples *together*: you noticed
# in which respect these five differ. That is what MuMoMAML's encoder is for.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import players

machines = players.cast(setting)
say(players.players_shown(machines) or probes.missing(setting, machines, "maml", "mumomaml"))

# %% [markdown]
# ## The idea: the same three steps
#
# | | regression (lesson 4) | characters |
# |:--|:--|:--|
# | a task | a function | $N$ characters that must be told apart |
# | an example | a point $(x, y)$ | a drawing $x$, 28 × 28 pixels, and a number $y$ from 0 to $N-1$ |
# | $K$ shots | $K$ points | $K$ drawings *of each* character |
# | a mode | a family of functions | where the drawings come from: an alphabet, a pen, inverted ink |
# | a block | layer, modulation, ReLU | convolution, normalisation, modulation, ReLU |
# | **embed** reads | five points, in order | the images; a mean over them, so order means nothing |
# | **modulate** | $\tau$ scales and shifts each unit | $\tau$ scales and shifts each *channel* |
# | **adapt** descends | the squared error | the [cross-entropy](../docs/glossary.md#cross-entropy) of the examples |
#
# $$\mathcal L(\theta) = -\frac{1}{NK}\sum_{j=1}^{NK} \log p_\theta(y_j \mid x_j;\tau),\qquad
# \theta' = \theta - \alpha\,\nabla_\theta\,\mathcal L(\theta),\qquad
# \text{channel } c:\ \gamma_c\,\hat z_c + \beta_c$$
#
# | symbol | in words |
# |:--|:--|
# | $p_\theta(y \mid x;\tau)$ | how likely the network finds it that drawing $x$ shows character number $y$ |
# | $\hat z_c$ | [channel](../docs/glossary.md#channel) $c$ of a block, after convolution and normalisation: one feature at every place of the image |
# | $\gamma_c, \beta_c$ | the two rows of $\tau$: the whole channel is turned up or down, and shifted |
#
# Beside MAML and MuMoMAML stands a third machine, cheap and strong: a
# [prototypical network](../docs/glossary.md#prototype). It takes no gradient steps. It averages the features of each character's
# examples, and a new drawing belongs to the nearest mean.
#
# ## Your prediction
#
# In regression modulation did most of the work, before any gradient step (lesson 4). Now the encoder has read the examples, $\tau$
# has turned its channels up and down. *Not one gradient step was taken.*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite.course import Prediction

alone = Prediction(
    {
        "A": f"about 1 of {ways}, as by chance",
        "B": "about half of them",
        "C": "most of them: steps only polish",
    },
    question="After modulation alone, how many new drawings does MuMoMAML sort rightly?",
)
widgets.ask(alone)

# %% [markdown]
# ## Draw your own
#
# Five characters of your own, and a sixth drawing that belongs to one of them. Which of the five?
#
# - Draw, or begin with the ready ones. Every machine answers at once, with its certainty for each of the five.
# - Read the lines *before any step* first. Then choose which character **the new one is**: do those lines care?
# - Make two characters **almost alike**. Who is the first to be fooled, and how certain is it of its error?
# - Draw the new one **small** or in a corner, and untick the box that moves it to the middle. Would it fool you?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
if lost := probes.missing(setting, machines, "maml", "mumomaml"):
    say(lost)
else:
    display(widgets.draw(setting.replace("-20way", "-5way"), seed))

# %% [markdown]
# ## More steps, more examples
#
# One drawing proves nothing. Here are means over fresh episodes with their intervals: left, one example each and more gradient
# steps than the training took; right, the same weights shown more examples. Turn the **axis** to *wrong answers*: near the
# top, an accuracy hides what the errors show.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
curves = None
if lost := probes.missing(setting, machines, "maml", "mumomaml"):
    say(lost)
else:
    count, shots, steps = (30, (1, 3), 3) if fast else (200, (1, 2, 5, 10), 8)
    curves = widgets.accuracy_explorer(setting, machines, max(2, count // ways), shots, steps, seed)
    display(curves)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
if curves:
    first, last = (curves.view.steps["mumomaml"][i]["mean"] for i in (0, -1))
    truth = "A" if first < 1 / ways + 0.15 else "B" if first < 0.75 * last else "C"
    display(
        widgets.answer(
            alone,
            truth,
            f"MuMoMAML after modulation alone: {100 * first:.0f} %, after the last step "
            f"{100 * last:.0f} %; by chance {100 / ways:.0f} %.",
        )
    )

# %% [markdown]
# ## What τ cannot know
#
# The numbers are dealt anew in every episode. What is number 3 today was number 0 yesterday. Let the characters of one episode
# exchange their numbers, and ask the encoder again. (A small network that was never trained will do: this is no matter of
# training.)

# %% tags=["keep_output", "hide-input"] jupyter={"source_hidden": true, "outputs_hidden": true}
# NBVAL_CHECK_OUTPUT
import torch

from mmaml_lite import build, zoo_settings

small = {"filters": 16, "encoder_filters": 16}
fresh = build(zoo_settings("characters/strokes-5way-1shot/mumomaml-film", **small))
task = probes.deal(fresh.settings, tasks=1, queries=10)
exchanged = task.support._replace(y=(task.support.y + 1) % 5)
before, after = fresh.embed(task.support), fresh.embed(exchanged)
print("numbers exchanged, the same υ:", torch.allclose(before, after, atol=1e-5))

# %% [markdown]
# The embedding is a *mean over the characters*, so it stays, $\tau$ stays, the answers stay; but the right answers have changed
# places. Modulation can set the stage for *these* characters: which strokes matter, which ink. **Who is number 3 it cannot
# say.** So much for *"modulation does most of the work"*: it depends on what a task hides.
#
# Who names them, then? The first gradient step. Take an output layer of zeros, which finds all $N$ characters equally likely. The
# gradient of the cross-entropy for its row $c$ is $(\mu - \mu_c) / N$, where $\mu_c$ is the mean of the features of character $c$'s examples and
# $\mu$ the mean of all; so after one step
#
# $$W_c' = \frac{\alpha}{N}\,(\mu_c - \mu).$$

# %% tags=["keep_output"]
# NBVAL_CHECK_OUTPUT
from mmaml_lite import class_means

blank = build(fresh.settings)
last_layer, alpha = f"weight{blank.settings.blocks}", blank.settings.step_size
torch.nn.init.zeros_(blank.theta[last_layer])
tau = blank.modulate(blank.embed(task.support))
own = {i: t[0] for i, t in tau.items()}  # of the one task
features = blank.network.features(dict(blank.theta), task.support.x[0], own)
means = class_means(features, task.support.y[0], 5)
written = blank.adapt(task.support, tau)[1][last_layer][0]
expected = alpha / 5 * (means - means.mean(0))
print("the step wrote the class means:", torch.allclose(written, expected, atol=1e-5))

# %% [markdown]
# **A gradient step writes prototypes.** MAML's first step builds what the prototypical network was born with (and compares with it by inner product,
# not by distance); what is left for MAML to do is to move the features as well. Keep that in mind when you look at the table.
#
# Our recipe takes this at its word: the output layer *is* zero at the start of every task, and the features of all images are brought to one
# length, with which inner product and distance agree. So a network that was first trained to compare (as the prototypical network is) can
# answer after one gradient step. How the weights you play against were trained, and how long, is listed under *Honest limits*.
#
# ## In whose company?
#
# A block normalises each channel: minus its mean, divided by its spread. Mean and spread *of what*? Of the examples
# and nothing else: that is `support`. Or of all images at hand, the other queries among them:
# [transductive](../docs/glossary.md#transductive), as in MAML's code and most of the literature.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
company = Prediction(
    {
        "A": "never: a drawing is a drawing",
        "B": "now and then, for less than a quarter of the drawings",
        "C": "often",
    },
    question="Transductive, the same drawing asked in other company: its answer changes",
)
widgets.ask(company)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
view = None
if lost := probes.missing(setting, machines, "mumomaml"):
    say(lost)
else:
    count = max(2, (20 if fast else 100) // ways)
    view = widgets.company_view(setting, machines["mumomaml"], count, seed)
    show(figures.company(view), {"mumomaml": machines["mumomaml"]})

# %% tags=["hide-input"] jupyter={"source_hidden": true}
if view:
    share = view.changed["transductive"]
    display(
        widgets.answer(
            company,
            "A" if share == 0 else "B" if share < 0.25 else "C",
            f"Transductive it changes for {100 * share:.0f} % of the drawings, among four "
            "companies; with the statistics that these weights were trained with, for "
            f"{100 * view.changed[machines['mumomaml'].settings.normalisation]:.0f} %.",
        )
    )

# %% [markdown]
# One query of each character, the second company, is like a test of the literature: a well-mixed crowd. Outside of a
# test nobody mixes the crowd for you. So the machines of this lesson were trained and play with the examples' statistics, and the
# table below shows both. Is that a property of these weights? No:

# %% tags=["keep_output", "hide-input"] jupyter={"source_hidden": true, "outputs_hidden": true}
# NBVAL_CHECK_OUTPUT
found = probes.company(fresh, task)
for kind, certainty in found.certainty.items():
    steady = torch.allclose(certainty, certainty[:, :1].expand_as(certainty), atol=1e-4)
    print(f"{kind}: the same certainty in any company:", steady)

# %% [markdown]
# ## Table 2
#
# The paper's third result. Published numbers stand above, ours below, each with the way it was obtained.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from IPython.display import HTML

HTML(widgets.scoreboard())

# %% [markdown]
# How to read it: with 99 % right, the question is how often one is *wrong*. From 98.7 to 99.4 half of the errors went away;
# and an interval of ± 0.4 says that a second test could have printed 98.3. Intervals that overlap decide nothing; as all of ours saw
# the *same* episodes, their difference can be taken episode by episode, which is sharper:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
say(widgets.difference(setting))

# %% [markdown]
# Our three machines hardly differ, and that is no accident. Their features were trained to compare, on tasks of many characters;
# MAML's first step then gives the prototypes' answer, and with one source there is little to modulate. It is *feature reuse*
# (Raghu et al. 2020): nearly all of the learning had happened before the task began. The same weights serve 20 characters as well
# as five, which the marks ° in the table stand for.

# %% [markdown]
# ## What FiLM does to the feature maps
#
# Each block has 64 channels, and each of them is an image: all that the block knows of the drawing. On the left without FiLM in this
# block, on the right with it.
#
# - Go through the **blocks**. Which channels fall silent, which wake up? Where can *you* still read the character?
# - **Another task**, a few times: how far do the dots move? Then put the $\tau$ of another task, or the mean of many, **on the
#   right**, and look at the bars. What would that mean for a world of one mode?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
if lost := probes.missing(setting, machines, "mumomaml"):
    say(lost)
else:
    display(widgets.feature_maps_explorer(setting))

# %% [markdown]
# ## A map of episodes
#
# What does the encoder write down about an episode? We deal episodes whose characters have something in common (the same ink, the
# same number of strokes, the same quarter turn; with Omniglot also the same alphabet), and look for it in the embedding.
# **Colour by** each of them. Which one does it tell, and which one *should* it?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
atlas = None
if lost := probes.missing(setting, machines, "mumomaml"):
    say(lost)
else:
    real = setting.startswith("omniglot")
    atlas = widgets.episode_explorer(machines["mumomaml"], 120 if fast else 300, real, seed)
    display(atlas)

# %% [markdown]
# Read the line above the map, not the islands. *Ink* jumps to the eye; but it does so in an encoder that was **never trained**,
# too: white on black is simply another input, and whatever a network computes of it lies elsewhere. That an
# embedding *separates* two things does not mean that it *learned* to: always draw the untrained control. A quarter turn is something
# nobody can know of invented characters, for a turned one is as likely as any other. (Letters do have an upright; turning each class
# at random, as MAML does, hides it in training.)
#
# ## Two modes
#
# So far all drawings came from one source, and one start may well serve them all. Now the zoo holds weights
# trained on **two** at once, such as ink on paper and ink inverted: half of the episodes of each, and nobody says which.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
stretched = Prediction(
    {
        "A": "nothing: less than one per cent",
        "B": "a few per cent",
        "C": "more than a tenth",
    },
    question="One start for two modes: how many right answers does MAML lose on its first mode?",
)
widgets.ask(stretched)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import OmniglotMissing

modes = {}
for name in widgets.two_mode_settings(ways):
    try:
        modes[name] = widgets.modes_view(name, max(2, (30 if fast else 200) // ways), seed)
    except OmniglotMissing:
        say(f"*Skipped: {name} needs Omniglot.*")
    if modes.get(name):
        show(figures.mode_accuracy(modes[name]), players.cast(name))
    elif name in modes:
        say(probes.missing(name, players.cast(name), "maml", "mumomaml"))

# %% tags=["hide-input"] jupyter={"source_hidden": true}
compared = next((v for v in modes.values() if v and v.alone), None)
if compared:
    mode = next(iter(compared.alone))
    here, there = (100 * found[mode]["maml"]["mean"] for found in (compared.both, compared.alone))
    display(
        widgets.answer(
            stretched,
            "A" if there - here < 1 else "B" if there - here < 10 else "C",
            f"On {compared.names[mode]}: {there:.1f} % trained for this mode alone, {here:.1f} % "
            "trained for both. Look at the intervals before you make much of it.",
        )
    )

# %% [markdown]
# Compare the filled marks, MAML against MuMoMAML, mode by mode; then each with its open mark. Inverting the ink only flips the sign of what
# the first layer computes, once it is normalised (but for the rim of the image): a gentle second mode. Real and invented characters
# are both lines on paper, and the same features compare them. How far modes must lie apart before one start
# breaks was lesson 2; that it needs to break before modulation is worth its price was lesson 4.
#
# ## The code
#
# A block, and all of them in a row. Modulation is one line.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
from mmaml_lite import CharacterLearner, ConvNet, ImageSetEncoder
from mmaml_lite.course import source

source(ConvNet.trace)

# %% [markdown]
# The encoder: features of every image, the mean of each class beside the mean of all, and the mean over the classes.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
source(ImageSetEncoder.forward)

# %% [markdown]
# And the inner loop, the same `algorithm.adapt` as in lessons 4 and 5; only the loss is new.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
source(CharacterLearner.adapt)

# %% [markdown]
# Written out by hand for one task, is it the same?

# %% tags=["keep_output"]
# NBVAL_CHECK_OUTPUT
import torch.nn.functional as F
from torch.func import grad

seen, theta = task.support, dict(fresh.theta)
tau = fresh.modulate(fresh.embed(seen))
own = {i: t[0] for i, t in tau.items()}


def loss(theta):
    features = fresh.network.features(theta, seen.x[0], own)
    return F.cross_entropy(fresh.network.output(theta, features), seen.y[0])


library = fresh.adapt(seen, tau)[1]
by_hand = {name: theta[name] - alpha * g for name, g in grad(loss)(theta).items()}
agree = [torch.allclose(by_hand[k], library[k][0], atol=1e-5) for k in by_hand]
print("by hand and by the library agree:", all(agree))

# %% [markdown]
# ## Check yourself
#
# **1.** Write the **prototypes**: logits for each query, minus the *squared* distance to the mean of each class. `features`
# (images, d) and `labels` (images,) in any order, `queries` (q, d); the result has shape (q, ways).

# %%
from mmaml_lite.course import (
    QUIZ_COMPANY,
    QUIZ_NUMBERS,
    check_chance,
    check_normalise,
    check_numbers,
    check_prototypes,
)


def prototype_logits(features, labels, queries, ways):
    means = features.view(ways, -1, features.shape[1]).mean(1)  # nearly
    return -(queries[:, None] - means).square().sum(-1)


check_prototypes(prototype_logits)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def prototype_logits(features, labels, queries, ways):
#     means = torch.stack([features[labels == c].mean(0) for c in range(ways)])
#     return -(queries[:, None] - means).square().sum(-1)
# ```
#
# The library's class means are `mmaml_lite.class_means`.
# </details>
#
# **2.** **Normalise** the queries of an episode such that none depends on another: by mean and variance of the *examples*, channel by
# channel. Both arguments have shape (images, channels, height, width); add 1e-5 to the variance. Return the queries.


# %%
def normalise(support, queries):
    variance, mean = torch.var_mean(queries, (0, 2, 3), correction=0, keepdim=True)
    return (queries - mean) / (variance + 1e-5).sqrt()  # nearly


check_normalise(normalise)

# %% [markdown]
# <details><summary>Solution</summary>
#
# `torch.var_mean(support, ...)`: one word. The library's version is `support` in `mmaml_lite/characters/convnet.py`.
# </details>
#
# **3.** **Deal the numbers** of an episode. `character` (images,) says which character each drawing shows, by any number, such as
# 1500. Return labels from 0 to N - 1 that tell nothing about it beyond this episode. `generator` is for torch's random functions.


# %%
def number(character, generator):
    known = character.unique()
    return torch.searchsorted(known, character)  # nearly


check_numbers(number)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def number(character, generator):
#     known = character.unique()
#     return torch.randperm(len(known), generator=generator)[torch.searchsorted(known, character)]
# ```
#
# The library draws the characters in random order and numbers them in that order: the same thing.
# </details>
#
# **4.** By pencil: the **cross-entropy** (natural logarithm) of one who finds all five characters equally likely.

# %%
loss_of_guessing = None  # your answer
check_chance(loss_of_guessing)

# %% [markdown]
# <details><summary>Solution</summary>
#
# $-\ln\frac15 = \ln 5 = 1.61$. Every training starts near there.
# </details>
#
# ## Quiz

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.ask(QUIZ_NUMBERS)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
widgets.ask(QUIZ_COMPANY)

# %% [markdown]
# ## Honest limits
#
# - **Which drawings.** Invented characters are ours: a few movements of a pen, their numbers set by eye beside Omniglot. They
#   are easier in some ways and harder in others; their accuracies say nothing about Omniglot's.
# - **Which split.** As in MAML, characters are shuffled before they are divided, so letters of one alphabet lie on both sides, and each
#   class is turned by a multiple of 90 degrees, in the test as well. The list of the 423 test characters is not MAML's (other random numbers).
#   A split by whole alphabets is there too: settings that end in `-alphabets`.
# - **Which settings.** The paper's own settings for Omniglot were not published in a form we could find; `paper` means MAML's. Its Table 2
#   could not be read either: the rows above are the cited papers' own, and MuMoMAML's numbers are left out, not guessed.
# - **Which question.** With one source there is one mode: little for modulation to do. A small difference in the
#   table is no statement about multimodal tasks; the section *Two modes* is nearer to that, and its modes are gentle.
# - **More weights.** MuMoMAML has an encoder that MAML has not. A fair rival might be a MAML with as many weights.
# - **Intervals are over episodes,** not over trainings: another seed of the training would move the numbers, too.
# - **Your drawings** come from a mouse or a finger, Omniglot's from strangers on the web: a different pen is a different mode.
# - Weights called *provisional* were trained for less than their recipe asks for. How all of them were trained, and on how many
#   test episodes judged: [characters.md](../docs/characters.md).

# %% tags=["hide-input"] jupyter={"source_hidden": true}
say("\n".join(probes.constants(model) for model in machines.values()))

# %% [markdown]
# ## Recap
#
# - The same **embed, modulate, adapt**: images instead of points, channels instead of units, cross-entropy instead of an error.
# - Numbers are dealt anew, so $\tau$ cannot name anybody. It sets the stage; the first step writes the names, as class means.
# - An answer should not depend on who else is asked. If it does, say so beside the number.
# - Near the top count *errors*, and look at the interval first.
# - That an embedding separates two things does not mean that it learned to: ask an untrained one.
#
# To keep or hand in your answers, run in a cell of your own
# `from mmaml_lite.course import JOURNAL; JOURNAL.export("my-answers-lesson-7.md")`.
# Terms and symbols: the [glossary](../docs/glossary.md).
#
# **Next:** run this lesson with 20 `ways` in the parameters cell, or with the real Omniglot. In preparation: lesson 8, every number of the
# course in one place.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
measured = {"setting": setting}
if curves:
    measured |= {"steps": curves.view.steps, "shots": curves.view.shots}
if view:
    measured["company"] = view.changed
measured["modes"] = {name: v.both for name, v in modes.items() if v}
write_metrics(out_dir, measured)
