"""Settings are checked in one place, for all domains alike; a wrong one is named in one line."""

import dataclasses
import math
from dataclasses import dataclass
from typing import ClassVar

import pytest

from mmaml_lite.characters.settings import CharacterSettings
from mmaml_lite.core.registry import Registry
from mmaml_lite.core.settings import Settings, setting
from mmaml_lite.regression.settings import RegressionSettings
from mmaml_lite.rl.settings import LocationSettings, NavigationSettings, SpeedSettings

COLOURS: Registry[int] = Registry("colour", " (one of your own: paint)")
COLOURS.update(red=1, blue=2)


@dataclass(frozen=True)
class Paint(Settings):
    """One field of every kind."""

    domain: ClassVar[str] = "paint"

    coats: int = setting(2, "layers", least=1, most=5)
    gloss: float = setting(0.5, "share of light", above=0, most=1)
    colour: str = setting("red", "pigment", among=COLOURS, named=True)
    primer: str | None = setting(None, "below it", among=COLOURS)
    wet: bool = setting(False, "whether it is wet")
    sizes: tuple[int, ...] = setting((1, 2), "of brushes", least=1)
    corner: tuple[float, float] | None = setting(None, "where it begins", least=0)

    def check(self):
        """Wet paint has one coat."""
        if self.wet and self.coats > 1:
            raise ValueError("wet paint has one coat")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coats": 0}, "coats must be a whole number from 1 to 5, got 0"),
        ({"coats": 6}, "coats must be a whole number from 1 to 5, got 6"),
        ({"coats": True}, "coats must be a whole number from 1 to 5, got True"),
        ({"coats": 2.0}, "coats must be a whole number from 1 to 5, got 2.0"),
        ({"gloss": 0}, "gloss must be a number above 0 to 1, got 0"),
        ({"gloss": math.nan}, "gloss must be a number above 0 to 1, got nan"),
        ({"gloss": "high"}, "gloss must be a number above 0 to 1, got 'high'"),
        ({"gloss": None}, "gloss must be a number above 0 to 1, got None"),
        ({"colour": "green"}, r"one of red, blue \(one of your own: paint\), got 'green'"),
        ({"colour": None}, "colour must be one of red, blue"),
        ({"primer": "green"}, r"primer must be one of red, blue .* or None, got 'green'"),
        ({"wet": 1}, "wet must be True or False, got 1"),
        ({"sizes": (1, 0)}, r"sizes must be whole numbers from 1, got \(1, 0\)"),
        ({"sizes": 3}, "sizes must be whole numbers from 1, got 3"),
        ({"corner": (1.0,)}, r"corner must be 2 numbers from 0 or None, got \(1.0,\)"),
        ({"corner": (1.0, math.inf)}, "corner must be 2 numbers from 0 or None"),
        ({"wet": True}, "wet paint has one coat"),
        ({"tint": 1}, "unknown setting 'tint': known are coats, gloss"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        Paint().replace(**changes)
    assert "\n" not in str(caught.value)


def test_values_are_kept_as_their_type_has_them():
    paint = Paint(gloss=1, sizes=[3, 4], corner=[0, 1])
    assert type(paint.gloss) is float and paint.sizes == (3, 4)
    assert paint.corner == (0.0, 1.0) and type(paint.corner[0]) is float
    assert Paint(**paint.to_dict()) == paint and paint.may_be_longer
    assert Paint.in_the_name() == {"colour"}


ALL = (RegressionSettings, NavigationSettings, LocationSettings, SpeedSettings, CharacterSettings)


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, f) for kind in ALL for f in dataclasses.fields(kind)],
    ids=lambda x: getattr(x, "name", getattr(x, "__name__", "")),
)
def test_every_setting_of_every_domain_refuses_what_it_cannot_be(kind, field):
    """A wrong type, a value beyond each bound, a name that nobody registered, not finite."""
    limits = field.metadata
    wrong = [object(), {}, [None], math.nan, "no such name" if limits["among"] else object()]
    wrong += [limits["least"] - 1] if limits["least"] is not None else []
    wrong += [limits["most"] + 1] if limits["most"] is not None else []
    wrong += [limits["above"]] if limits["above"] is not None else []
    for value in wrong:
        if isinstance(field.default, tuple) and isinstance(value, int | float):
            value = (value,)
        with pytest.raises(ValueError, match=rf"^{field.name} must be "):
            kind(**{field.name: value})
    assert limits["help"]


def test_a_name_or_a_seed_that_makes_no_sense_is_refused():
    for kind in ALL:
        for changes in ({"seed": -1}, {"method": None}, {"method": 5}, {"iterations": 0}):
            with pytest.raises(ValueError, match=f"^{next(iter(changes))} must be "):
                kind(**changes)
