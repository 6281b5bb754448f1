"""The browser's halves of our widgets, put together from the files beside this one."""

from pathlib import Path

FOLDER = Path(__file__).parent


def module(name: str) -> str:
    """The JavaScript module of a widget: what all of them share, then its own `<name>.js`."""
    return "\n".join(
        (FOLDER / file).read_text(encoding="utf-8") for file in ("shared.js", f"{name}.js")
    )
