"""What a reader answers and what the course says to it; all answers can be exported."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmaml_lite.core.checkpoint import write_atomically


@dataclass(frozen=True)
class Reply:
    """What a checker says, shown as Markdown; `right` is None where nothing is judged."""

    right: bool | None
    text: str

    def _repr_markdown_(self) -> str:
        mark = {True: "**Right.** ", False: "**Not yet.** ", None: ""}[self.right]
        return f"> {mark}{self.text}"


@dataclass
class Journal:
    """The reader's answers in this kernel: the last one to each question, and what was said."""

    entries: dict[str, tuple[str, Reply]] = field(default_factory=dict)

    def note(self, question: str, answer: str, reply: Reply) -> Reply:
        """Keep an answer and its reply; returns the reply."""
        self.entries[question] = (answer, reply)
        return reply

    def export(self, path: str | Path) -> Reply:
        """Write all answers to a Markdown file, to keep or to hand in.

        Raises CheckpointError, which says why, where it cannot be written.
        """
        marks = {True: "right", False: "not yet", None: ""}
        lines = ["# My answers", ""]
        for question, (answer, reply) in self.entries.items():
            mark = marks[reply.right]
            code = f"\n\n```python\n{answer}\n```\n" if "\n" in answer else f" {answer or '(none)'}"
            lines += [f"## {question}", "", f"**Answer:**{code}", ""]
            lines += [f"**Judged:** {mark}", ""] if mark else []
            lines += [reply.text, ""]
        write_atomically(Path(path), "\n".join(lines).encode())
        return Reply(None, f"{len(self.entries)} answers written to `{path}`.")


JOURNAL = Journal()


@dataclass
class Prediction:
    """A pick made before the result is shown, kept until it is scored.

    options: letter -> what it stands for; picked: a letter in either case, or "" for no answer.
    """

    options: Mapping[str, str]
    picked: str = ""
    question: str = "Prediction"

    def __post_init__(self):
        self.picked = str(self.picked).strip().upper()

    def reply(self) -> Reply:
        """Confirm the pick, or ask for one, without giving the answer away."""
        if self.picked in self.options:
            reply = Reply(None, f"Noted: **{self.picked}**, {self.options[self.picked]}. Read on.")
            return JOURNAL.note(self.question, self.picked, reply)
        return Reply(None, f"No prediction yet: choose one of {', '.join(self.options)}.")

    def score(self, truth: str, because: str) -> Reply:
        """Compare the pick with the measured answer."""
        answer = f"Measured: **{truth}**, {self.options[truth]}. {because}"
        if self.picked not in self.options:
            return Reply(None, answer)
        if self.picked == truth:
            return JOURNAL.note(self.question, self.picked, Reply(True, answer))
        answer = f"You said **{self.picked}**. {answer} Surprises teach the most."
        return JOURNAL.note(self.question, self.picked, Reply(None, answer))


@dataclass
class Quiz:
    """A question with several answers, each of which explains itself.

    options: letter -> what it says; because: letter -> why it is right or wrong; right: a letter.
    Raises ValueError when an option has no explanation.
    """

    question: str
    options: Mapping[str, str]
    because: Mapping[str, str]
    right: str
    picked: str = ""

    def __post_init__(self):
        self.picked = str(self.picked).strip().upper()
        if set(self.options) != set(self.because) or self.right not in self.options:
            raise ValueError("every option needs its `because`, and `right` must be an option")

    def reply(self) -> Reply:
        """Judge the pick and say why it is right or wrong; ask for one while there is none."""
        if self.picked not in self.options:
            return Reply(None, f"Choose one of {', '.join(self.options)}.")
        reply = Reply(self.picked == self.right, self.because[self.picked])
        return JOURNAL.note(self.question, self.picked, reply)


def exercise(question: str, answers: int = 1) -> Callable:
    """Make a function that judges an answer into a checker: it never raises, and keeps the reply.

    What the reader's own code raises becomes a reply that names it; of an answer that is a function
    the journal keeps the code. answers: how many of the checker's arguments are the reader's.
    """

    def decorate(check: Callable[..., Reply]) -> Callable[..., Reply]:
        @functools.wraps(check)
        def checker(answer: Any, *args: Any, **kwargs: Any) -> Reply:
            try:
                reply = check(answer, *args, **kwargs)
            except Exception as error:  # the reader's code may do anything
                reply = Reply(False, f"Your code stopped with {type(error).__name__}: {error}")
            written = "\n\n".join(_written(a) for a in (answer, *args)[:answers])
            return JOURNAL.note(question, written, reply)

        return checker

    return decorate


def number_exercise(question: str) -> Callable:
    """As `exercise`, for an answer that is a number: the checker is given it as a float.

    `None`, the stub, asks for a number; what is no number is named.
    """

    def decorate(check: Callable[..., Reply]) -> Callable[..., Reply]:
        @exercise(question)
        @functools.wraps(check)
        def checker(answer: Any, *args: Any, **kwargs: Any) -> Reply:
            if answer is None:
                return Reply(None, "Replace `None` by a number.")
            try:
                value = float(answer)
            except (TypeError, ValueError):
                return Reply(False, f"A number is wanted, not {answer!r}.")
            return check(value, *args, **kwargs)

        return checker

    return decorate


def mistaken(
    answer: Tensor, mistakes: Iterable[tuple[Tensor, str]], rtol: float = 1e-5, atol: float = 1e-8
) -> Reply | None:
    """The reply to the first of the likely mistakes, (what it gives, message), that gives this."""
    for wrong, message in mistakes:
        same = answer.shape == wrong.shape
        if same and torch.allclose(answer.double(), wrong.double(), rtol=rtol, atol=atol):
            return Reply(False, message)
    return None


def _written(answer: Any) -> str:
    """An answer as the reader wrote it: a function's code, else the value."""
    if not callable(answer):
        return repr(answer)
    try:
        return inspect.getsource(answer).strip()
    except (OSError, TypeError):  # typed somewhere that keeps no source
        return getattr(answer, "__name__", repr(answer))
