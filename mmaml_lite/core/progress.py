"""Progress of a training run: a bar where somebody watches, plain lines where a log is read."""

import sys
import time

from mmaml_lite.core.domain import domain
from mmaml_lite.core.runs import Run
from mmaml_lite.core.training import Callback


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    return shell is not None and getattr(shell.get_ipython(), "kernel", None) is not None


class Progress(Callback):
    """Shows steps, the latest mean and the time left; a plain line every `every` seconds."""

    def __init__(self, label: str = "", every: float = 30.0):
        self.label, self.every = label, every
        self.bar = None

    def on_start(self, run: Run) -> None:
        """Open the bar, or note the time."""
        self.began = self.told = time.monotonic()
        self.first = run.step
        self.headline = domain(run.settings.domain).headline
        self.value = run.log[-1][self.headline] if run.log else float("nan")
        self.watched = _in_notebook() or sys.stderr.isatty()
        if self.watched:
            from tqdm.auto import tqdm

            self.bar = tqdm(
                total=run.settings.iterations,
                initial=run.step,
                desc=self.label,
                mininterval=1.0,
                leave=False,
            )

    def on_step(self, run: Run, measured: dict[str, float]) -> None:
        """Advance the bar, or print a line when one is due."""
        if not run.log:  # until the first mean is there
            self.value = measured[self.headline]
        if self.bar is not None:
            self.bar.update()
        elif time.monotonic() - self.told > self.every:
            self.told = time.monotonic()
            self._line(run)

    def on_log(self, run: Run, record: dict[str, float]) -> None:
        """Take up the latest mean."""
        self.value = record[self.headline]
        if self.bar is not None:
            self.bar.set_postfix({self.headline: f"{self.value:.4f}"}, refresh=False)

    def on_end(self, run: Run) -> None:
        """Close the bar and say in one line how it stands."""
        if self.bar is not None:
            self.bar.close()
        self._line(run)

    def _line(self, run: Run) -> None:
        done, total = run.step, run.settings.iterations
        pace = (done - self.first) / max(1e-9, time.monotonic() - self.began)
        left = f"{(total - done) / pace / 60:.1f} min left" if done < total and pace else "done"
        print(
            f"{self.label} step {done}/{total}  {self.headline} {self.value:.4f}  "
            f"{pace:.1f} it/s  {left}",
            file=sys.stdout,
            flush=True,
        )
