"""Numbers as a reader writes them: a true minus sign, none before zero, a dash for no number."""

import math


def number(value: float, digits: int = 1, plus: bool = False) -> str:
    """A number with so many decimals; plus: with a "+" where it is above zero."""
    if not math.isfinite(value):
        return "–"
    value = round(float(value), digits) + 0.0  # the sum makes 0 of a negative zero
    return f"{value:{'+' if plus and value else ''}.{digits}f}".replace("-", "−")


def change(stats: dict[str, float], digits: int = 0) -> str:
    """A mean difference with its sign and interval, as "+12 ± 3"."""
    return f"{number(stats['mean'], digits, plus=True)} ± {number(stats['ci95'], digits)}"
