"""Lesson 1: exercises tell mistakes apart, quizzes explain, and the three ways can be clicked."""

import pytest
import torch

from mmaml_lite.course import figures
from mmaml_lite.course.checks import JOURNAL, check_chain, check_maml_loss
from mmaml_lite.course.checks.maml import quizzes
from mmaml_lite.course.widgets.three_ways import TEXTS, explain, part_of, picture, three_ways


def loss(theta, x, y):
    return ((theta[0] * x + theta[1] - y) ** 2).mean()


def total(theta, x, y):
    return ((theta[0] * x + theta[1] - y) ** 2).sum()


def slope(theta, x, y, f=loss):
    return torch.autograd.grad(f(theta, x, y), theta, create_graph=True)[0]


def by_autograd(theta, x, y, xq, yq, alpha):
    return loss(theta - alpha * slope(theta, x, y), xq, yq)


def by_func(theta, x, y, xq, yq, alpha):
    return loss(theta - alpha * torch.func.grad(loss)(theta, x, y), xq, yq)


def by_hand(theta, x, y, xq, yq, alpha):
    off = theta[0] * x + theta[1] - y
    gradient = torch.stack([(2 * off * x).mean(), (2 * off).mean()])
    return loss(theta - alpha * gradient, xq, yq)


@pytest.mark.parametrize("answer", [by_autograd, by_func, by_hand])
def test_solutions_of_maml_loss_are_right(answer):
    assert check_maml_loss(answer).right is True


def first_order(theta, x, y, xq, yq, alpha):
    (gradient,) = torch.autograd.grad(loss(theta, x, y), theta)
    return loss(theta - alpha * gradient, xq, yq)


WRONG = {
    "stub": (lambda t, x, y, xq, yq, a: loss(t, xq, yq), "pretraining's objective"),
    "support before": (lambda t, x, y, xq, yq, a: loss(t, x, y), "*before* any step"),
    "plus": (lambda t, x, y, xq, yq, a: loss(t + a * slope(t, x, y), xq, yq), "climbs"),
    "no alpha": (lambda t, x, y, xq, yq, a: loss(t - slope(t, x, y), xq, yq), "but not alpha"),
    "exam": (lambda t, x, y, xq, yq, a: loss(t - a * slope(t, xq, yq), xq, yq), "the exam"),
    "judged on support": (
        lambda t, x, y, xq, yq, a: loss(t - a * slope(t, x, y), x, y),
        "judge on the support",
    ),
    "inner sum": (
        lambda t, x, y, xq, yq, a: loss(t - a * slope(t, x, y, total), xq, yq),
        "sum over the points",
    ),
    "outer sum": (
        lambda t, x, y, xq, yq, a: total(t - a * slope(t, x, y), xq, yq),
        "sum over the query points",
    ),
    "first order": (first_order, "create_graph=True"),
    "detached": (lambda *given: by_func(*given).detach(), "lost its way back"),
    "copied": (
        lambda t, *rest: by_func(t.detach().clone().requires_grad_(), *rest),
        "theta was copied",
    ),
    "number": (lambda *given: by_func(*given).item(), "Return a tensor, not float"),
    "not reduced": (
        lambda t, x, y, xq, yq, a: (t[0] * xq + t[1] - yq) ** 2,
        "One number is wanted",
    ),
    "nothing": (lambda *given: None, "is a `return` there"),
    "other": (lambda *given: by_func(*given) * 7, "compare each line"),
    "broken": (lambda t, *rest: t[5], "IndexError"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_maml_loss_is_told_its_own_mistake(case):
    answer, says = WRONG[case]
    reply = check_maml_loss(answer)
    assert reply.right is False and says in reply.text


def test_messages_of_mistakes_differ():
    replies = [check_maml_loss(answer).text for answer, _ in WRONG.values()]
    assert len(set(replies)) == len(replies)


@pytest.mark.parametrize(
    ("answer", "right", "says"),
    [
        (0.375, True, "one factor for each step"),
        ("0.375", True, "one factor"),
        (None, None, "Replace `None`"),
        (6, False, "pretraining's"),
        (1.5, False, "first-order"),
        (0.75, False, "one of the two steps"),
        (0.5625, False, "the loss after two steps"),
        (0.1875, False, "brings a 2"),
        (-0.375, False, "sign"),
        (42, False, "differentiate"),
        ("a third", False, "A number is wanted"),
    ],
)
def test_the_chain_rule_on_a_napkin(answer, right, says):
    reply = check_chain(answer)
    assert reply.right is right and says in reply.text


def test_the_napkin_agrees_with_autograd():
    theta = torch.tensor(4.0, requires_grad=True)
    phi = theta
    for _ in range(2):
        phi = phi - 0.25 * 2 * (phi - 1)
    assert torch.autograd.grad((phi - 1) ** 2, theta)[0].item() == 0.375


def test_every_option_of_the_quizzes_explains_itself():
    for quiz in quizzes():
        for letter in quiz.options:
            quiz.picked = letter
            assert quiz.reply().right is (letter == quiz.right)
            assert quiz.because[letter] in quiz.reply().text
        assert quiz.question in JOURNAL.entries


# --- three ways -----------------------------------------------------------------------------------


def test_every_box_explains_itself_and_none_overlaps():
    boxes, arrows = picture()
    assert {part_of(box["key"]) for box in boxes} == set(TEXTS)
    for i, a in enumerate(boxes):
        assert explain(a["key"]).startswith("<div") and TEXTS[part_of(a["key"])][0]
        for b in boxes[i + 1 :]:
            apart = (
                a["x"] + a["width"] <= b["x"]
                or b["x"] + b["width"] <= a["x"]
                or a["y"] + a["height"] <= b["y"]
                or b["y"] + b["height"] <= a["y"]
            )
            assert apart, (a["key"], b["key"])
    ends = [arrow["path"][-1] for arrow in arrows]
    assert all(any(_touches(box, end) for box in boxes) for end in ends)


def _touches(box, point):
    x, y = point
    return box["x"] <= x <= box["x"] + box["width"] and box["y"] <= y <= box["y"] + box["height"]


def test_a_click_changes_the_explanation_and_the_twin_follows():
    ways = three_ways()
    assert "learn a good start" in ways.screen.value
    ways.controls["box"].value = "hybrid-encoder"
    assert "the embedding" in ways.screen.value and ways.summary == "Look: the encoder."
    thick = [s for s in ways.twin().layout.shapes if s.line.width == 4]
    assert len(thick) == 1 and thick[0].x0 == 350


def test_the_static_form_says_everything(monkeypatch):
    monkeypatch.setenv("MMAML_LITE_STATIC", "1")
    ways = three_ways()
    says = figures.caption(ways.twin())
    assert ways.box is None and all(text[0] in says for text in TEXTS.values())
