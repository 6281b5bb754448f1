"""Drawings: Omniglot from folder, zip and cache, its splits, invented strokes, episodes."""

import io
import os
import sys
import types
import warnings
import zipfile
from urllib.error import URLError

import pytest
import torch

from mmaml_lite.__main__ import main
from mmaml_lite.characters import DRAWINGS, SIDE, omniglot, sources, strokes
from mmaml_lite.characters.ink import WIDTH, render
from mmaml_lite.characters.omniglot import Omniglot, OmniglotMissing
from mmaml_lite.characters.sources import Invented, Inverted, Pages, default, source, turned
from mmaml_lite.characters.splits import PARTS, SPLITS, split
from mmaml_lite.characters.tasks import Images, own_task, sample

SMALL = {"images_background": 3, "images_evaluation": 2}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# Omniglot


def png(mark):
    from PIL import Image

    image = Image.new("1", (105, 105), 1)
    for x in range(20, 80):
        for thick in range(3):
            image.putpixel((x, 20 + mark + thick), 0)
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def drawings(part, characters):
    return {
        f"{part}/Alphabet_{i // 2}/character{i:02}/{i:04}_{d + 1:02}.png": png(3 * i)
        for i in range(characters)
        for d in range(DRAWINGS)
    }


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A small Omniglot, as zips in torchvision's layout, and an empty data folder."""
    pytest.importorskip("PIL", reason="reading Omniglot's images needs pillow")
    monkeypatch.setattr(omniglot, "PARTS", SMALL)
    monkeypatch.setenv("MMAML_LITE_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("MMAML_LITE_OMNIGLOT", raising=False)
    folder = tmp_path / "drawn" / omniglot.FOLDER
    folder.mkdir(parents=True)
    for part, characters in SMALL.items():
        with zipfile.ZipFile(folder / f"{part}.zip", "w") as archive:
            for name, content in drawings(part, characters).items():
                archive.writestr(name, content)
    sources._omniglot_on.cache_clear()
    source.cache_clear()
    yield folder
    sources._omniglot_on.cache_clear()
    source.cache_clear()


def quiet(line):
    pass


def test_zips_and_extracted_folders_hold_the_same(home, monkeypatch):
    packed = omniglot.load(home, tell=quiet)
    assert packed.ink.shape == (5, DRAWINGS, SIDE, SIDE) and packed.ink.dtype == torch.uint8
    assert packed.alphabets == (
        "Alphabet_0",
        "Alphabet_0",
        "Alphabet_1",
        "Alphabet_0",
        "Alphabet_0",
    )
    assert packed.background == 3
    assert packed.ink.amax() <= omniglot.LEVELS and packed.ink.flatten(2).amax(-1).min() > 8
    for part in SMALL:
        zipfile.ZipFile(home / f"{part}.zip").extractall(home)
        (home / f"{part}.zip").unlink()
    os.unlink(omniglot.cache_path())
    monkeypatch.setenv("MMAML_LITE_OMNIGLOT", str(home.parent))  # torchvision's root will do
    extracted = omniglot.load(tell=quiet)
    assert torch.equal(extracted.ink, packed.ink) and extracted.alphabets == packed.alphabets


def test_packed_once_then_read_without_the_folder(home):
    told = []
    first = omniglot.load(home, tell=told.append)
    again = omniglot.load("/nowhere", tell=told.append)
    assert len(told) == 1 and "packing" in told[0]
    assert torch.equal(first.ink, again.ink) and first.alphabets == again.alphabets
    assert omniglot.cache_path().stat().st_size < first.ink.numel() / 2 + 2000


def test_pairs_of_pixels_share_a_byte():
    ink = torch.randint(16, (3, 4, SIDE, SIDE), generator=generator()).to(torch.uint8)
    assert omniglot.packed(ink).shape == (3, 4, SIDE * SIDE // 2)
    assert torch.equal(omniglot.unpacked(omniglot.packed(ink)), ink)


def test_shrinking_averages_over_areas():
    area = torch.from_numpy(omniglot.shrinking(105))
    assert torch.allclose(area.sum(1), torch.ones(SIDE))
    assert torch.allclose(area.sum(0), torch.full((105,), SIDE / 105))


def test_a_damaged_zip_says_what_to_do(home):
    path = home / "images_background.zip"
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(OmniglotMissing, match=r"damaged.*delete .*\.zip and download"):
        omniglot.load(home, tell=quiet)
    content[2000:2400] = bytes(400)  # the list at the end is whole, some drawings are not
    path.write_bytes(content)
    with pytest.raises(OmniglotMissing, match=r"damaged.*delete .*\.zip and download"):
        omniglot.load(home, tell=quiet)
    assert not omniglot.cache_path().exists()


def test_a_half_extracted_folder_says_what_to_do(home):
    names = list(drawings("images_background", 3))
    for name in names[:-5]:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(png(0))
    with pytest.raises(OmniglotMissing, match=r"not complete.*has 15 drawings.*delete the folder"):
        omniglot.load(home, tell=quiet)
    for name in names:
        (home / name).write_bytes(png(0) if name != names[7] else png(0)[:60])
    with pytest.raises(OmniglotMissing, match=r"_08.png is damaged.*delete the folder"):
        omniglot.load(home, tell=quiet)


def test_images_of_another_kind_are_refused(home):
    from PIL import Image

    wide = io.BytesIO()
    Image.new("1", (105, 90), 1).save(wide, "PNG")
    with pytest.raises(OmniglotMissing, match="square drawings"):
        omniglot.shrunk(wide.getvalue())


def test_neither_data_nor_network(home, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("MMAML_LITE_OMNIGLOT", str(tmp_path / "empty"))
    with pytest.raises(OmniglotMissing, match=r"MMAML_LITE_OMNIGLOT.*strokes-5way-1shot"):
        omniglot.load()

    class Offline:
        def __init__(self, root, background, download):
            raise URLError("no network")

    module = types.ModuleType("torchvision.datasets")
    module.Omniglot = Offline
    monkeypatch.setitem(sys.modules, "torchvision.datasets", module)
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    with pytest.raises(OmniglotMissing, match=r"no network.*invented characters"):
        omniglot.load(fetch=True)
    told = []
    assert default(told.append) == "strokes" and "invented characters" in told[0]
    assert main(["train", "characters/omniglot-5way-1shot/maml", "--device", "cpu"]) == 2
    assert "MMAML_LITE_OMNIGLOT" in capsys.readouterr().err


def test_one_part_alone_is_not_enough(home):
    (home / "images_evaluation.zip").unlink()
    with pytest.raises(OmniglotMissing, match=r"neither the folder images_evaluation nor"):
        omniglot.load(home, tell=quiet)


def test_a_damaged_cache_is_made_anew(home):
    omniglot.load(home, tell=quiet)
    cache, told = omniglot.cache_path(), []
    cache.write_bytes(cache.read_bytes()[:-100])
    assert omniglot.load(home, tell=told.append).background == 3
    assert "damaged" in told[0] and omniglot.load("/nowhere").background == 3


def test_a_full_disk_costs_a_warning_not_the_data(home, monkeypatch):
    def full(*args):
        raise omniglot.checkpoint.CheckpointError("no space")

    monkeypatch.setattr(omniglot.checkpoint, "save", full)
    with pytest.warns(RuntimeWarning, match="stays unpacked"):
        assert len(omniglot.load(home, tell=quiet).ink) == 5


def test_the_real_data(tmp_path, monkeypatch):
    if not omniglot.has_parts(omniglot.folder_of()):
        pytest.skip("Omniglot is not here: set MMAML_LITE_OMNIGLOT to a folder that has it")
    monkeypatch.setenv("MMAML_LITE_OMNIGLOT", str(omniglot.folder_of()))
    monkeypatch.setenv("MMAML_LITE_DATA", str(tmp_path))
    data = omniglot.load(tell=quiet)
    assert data.ink.shape == (1623, DRAWINGS, SIDE, SIDE) and data.background == 964
    assert len(set(data.alphabets)) == 50 and len(set(data.alphabets[:964])) == 30
    assert data.ink.flatten(2).amax(-1).min() >= omniglot.LEVELS // 2  # no empty drawing


# Splits


@pytest.fixture
def fake():
    """1,623 characters, drawing d of character c full of the number (c + d) % 16."""
    numbers = (torch.arange(1623)[:, None] + torch.arange(DRAWINGS)) % 16
    ink = numbers.to(torch.uint8)[..., None, None].expand(-1, -1, SIDE, SIDE)
    alphabets = [f"a{i * 30 // 964:02}" for i in range(964)]
    alphabets += [f"b{i * 20 // 659:02}" for i in range(659)]
    return Omniglot(ink, tuple(alphabets), 964)


@pytest.mark.parametrize("kind", SPLITS)
def test_no_character_is_in_two_splits(fake, kind):
    parts = split(fake, kind)
    together = torch.cat([parts[name] for name in PARTS])
    assert len(together) == len(together.unique()) == 1623
    assert all(torch.equal(parts[n], split(fake, kind)[n]) for n in PARTS)  # the same each time


def test_sizes_of_the_splits(fake):
    assert [len(p) for p in split(fake, "characters").values()] == [1100, 100, 423]
    parts = split(fake, "alphabets")
    assert parts["test"].tolist() == list(range(964, 1623))
    kinds = {name: {fake.alphabets[i] for i in part} for name, part in parts.items()}
    assert [len(kinds[name]) for name in PARTS] == [27, 3, 20]
    with pytest.raises(ValueError, match="known are characters, alphabets"):
        split(fake, "drawers")


# Episodes


def test_episodes_are_indexed_out_of_the_pages(fake):
    chosen = torch.arange(100, 140)
    drawn = Pages(fake.ink, chosen, rotations=False).draw(6, 5, 2, 3, generator())
    assert drawn.ink.shape == (6, 5, 5, SIDE, SIDE) and drawn.ink.dtype == torch.float32
    character = drawn.character // 4
    assert set(character.flatten().tolist()) <= set(chosen.tolist())
    assert all(len(set(row)) == 5 for row in character.tolist())
    number = (drawn.ink.amax((3, 4)) * omniglot.LEVELS).round().long()
    drawing = (number - character[..., None]) % 16  # drawings 16 to 19 look like 0 to 3
    pages = fake.ink[character[..., None], drawing].float() / omniglot.LEVELS
    assert torch.allclose(pages, drawn.ink)


def test_support_and_queries_are_different_drawings(fake):
    each = torch.arange(16, dtype=torch.uint8)[None, :, None, None].expand(9, -1, SIDE, SIDE)
    drawn = Pages(each, torch.arange(9), rotations=False).draw(4, 3, 8, 8, generator())
    seen = (drawn.ink[..., 0, 0] * omniglot.LEVELS).round()
    assert all(len(row.unique()) == 16 for row in seen.flatten(0, 1))


def test_a_class_is_turned_as_a_whole_and_known_by_it():
    ink = torch.randint(16, (40, DRAWINGS, SIDE, SIDE), generator=generator()).to(torch.uint8)
    drawn = Pages(ink, torch.arange(40)).draw(8, 5, 1, 2, generator())
    assert set((drawn.character % 4).flatten().tolist()) == {0, 1, 2, 3}
    assert all(len(set(row)) == 5 for row in (drawn.character // 4).tolist())
    for t in range(8):
        for n in range(5):
            character, turns = divmod(drawn.character[t, n].item(), 4)
            pages = (ink[character].float() / omniglot.LEVELS).rot90(turns, (-2, -1))
            for image in drawn.ink[t, n]:
                assert (pages == image).all((1, 2)).sum() == 1


def test_turns_are_quarter_turns():
    image = torch.rand(SIDE, SIDE)
    for k, pixels in enumerate(turned(torch.device("cpu"))):
        assert torch.equal(image.flatten()[pixels].view(SIDE, SIDE), image.rot90(k))


def test_a_meta_batch_has_its_shapes_labels_and_modes(fake):
    pages = Pages(fake.ink, torch.arange(50))
    batch = sample([pages, Inverted(Invented())], 5, 4, 3, 2, generator())
    assert batch.support.x.shape == (5, 12, 1, SIDE, SIDE) and batch.query.x.shape[1] == 8
    assert batch.support.y[0].tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert batch.mode.tolist() == [0, 0, 0, 1, 1] and batch.ways == 4 and len(batch) == 5
    again = sample([pages, Inverted(Invented())], 5, 4, 3, 2, generator())
    assert torch.equal(batch.query.x, again.query.x)
    other = sample([pages, Inverted(Invented())], 5, 4, 3, 2, generator(1))
    assert not torch.equal(batch.query.x, other.query.x)
    paper = batch.support.x[3:].median()
    assert paper == 1  # inverted: the paper is black, the ink is white
    assert (batch.character[3:] == -1).all() and (batch.character[:3] >= 0).all()
    assert batch.to("cpu").query.x.shape == batch.query.x.shape


def test_what_cannot_be_drawn_is_refused(fake):
    pages = Pages(fake.ink, torch.arange(7))
    with pytest.raises(ValueError, match="20 ways need 20 characters, here are 7"):
        sample([pages], 2, 20, 1, 1, generator())
    with pytest.raises(ValueError, match="5 shots and 16 queries make 21 drawings"):
        sample([pages], 2, 5, 5, 16, generator())
    with pytest.raises(ValueError, match="make 21 drawings"):
        sample([Invented()], 2, 5, 5, 16, generator())
    with pytest.raises(ValueError, match="ways must be at least 2"):
        sample([pages], 2, 1, 1, 1, generator())
    with pytest.raises(ValueError, match="shots must be at least 1"):
        sample([pages], 2, 5, 0, 1, generator())
    with pytest.raises(ValueError, match="cannot hold 2 sources"):
        sample([pages, Invented()], 1, 5, 1, 1, generator())


def test_names_of_sources():
    assert isinstance(source("strokes"), Invented)
    assert isinstance(source("inverted_strokes"), Inverted)
    with pytest.raises(ValueError, match="unknown source 'mnist'"):
        source("mnist")
    with pytest.raises(ValueError, match="unknown part 'exam'"):
        source("strokes", "exam")


def test_parts_of_omniglot_by_name(home, monkeypatch):
    monkeypatch.setenv("MMAML_LITE_OMNIGLOT", str(home))
    assert default(quiet) == "omniglot"
    drawn = source("omniglot", "test", "alphabets").draw(20, 2, 1, 1, generator())
    assert set((drawn.character // 4).flatten().tolist()) == {3, 4}
    assert source("omniglot", "test") is source("omniglot", "test")


def test_your_own_drawings():
    images = strokes.redraw(strokes.invent(5, generator()), generator())
    shown, asked = own_task(images[:3], torch.tensor([0, 1, 2]), images[3:])
    assert shown.x.shape == (1, 3, 1, SIDE, SIDE) and asked.shape == (1, 2, 1, SIDE, SIDE)
    with pytest.raises(ValueError, match="image 1 of task 0 is empty"):
        own_task(torch.stack([images[0], torch.zeros(SIDE, SIDE)]), torch.tensor([0, 1]), images)
    with pytest.raises(ValueError, match="28 x 28 pixels, got 20 x 28"):
        own_task(images[:2, :20], torch.tensor([0, 1]), images)
    with pytest.raises(ValueError, match="labels must be 0, 1"):
        own_task(images[:2], torch.tensor([0, 2]), images)
    with pytest.raises(ValueError, match="at least one image"):
        own_task(images[:2], torch.tensor([0, 1]), images[:0])
    with pytest.raises(ValueError, match="one label for each"):
        Images(images[None, :, None], torch.zeros(1, 4)).check()
    with pytest.raises(ValueError, match="NaN"):
        own_task(images[:2] * torch.nan, torch.tensor([0, 1]), images)


# Strokes


def test_ink_is_length_times_width_and_never_more_than_full():
    x = torch.linspace(-0.5, 0.5, 50)
    line = torch.stack([x, torch.full_like(x, 0.3)], -1)[None, None]
    image = render(line)
    assert image.shape == (1, SIDE, SIDE) and image.amax() <= 1
    faint = render(line, 0.5)
    assert faint.sum().item() == pytest.approx(0.5 * 14, rel=1e-3)  # half of 28 pixels long
    row = (faint[0].sum(1) * torch.arange(SIDE)).sum() / faint.sum()
    assert row.item() == pytest.approx(1.3 * SIDE / 2 - 0.5, abs=1e-3)
    assert render(line, torch.tensor([[0.0]])).sum() == 0
    assert torch.isfinite(render(5 * line)).all()  # beyond the edge: drawn on it


def test_the_spline_starts_and_ends_where_it_is_told():
    basis = strokes.spline(6, 72)
    assert basis.shape == (72, 6) and basis.min() >= 0
    assert torch.allclose(basis.sum(1), torch.ones(72))
    assert torch.allclose(basis[[0, -1]], torch.eye(6)[[0, 5]], atol=1e-4)


def test_characters_are_seeded_and_look_like_writing():
    images = strokes.redraw(strokes.invent(200, generator()), generator())
    same = strokes.redraw(strokes.invent(200, generator()), generator())
    assert torch.equal(images, same) and images.shape == (200, SIDE, SIDE)
    assert images.min() == 0 and images.max() == 1
    assert 0.05 < images.mean() < 0.13  # Omniglot's: 0.09
    assert images.flatten(1).amax(1).min() > 0.9  # none is empty
    assert (images[:, 0].sum() + images[:, -1].sum()) / images.sum() < 0.01  # room at the edge


def test_a_character_drawn_again_is_near_itself_and_not_the_same():
    """The nearest other drawing is the same character's as often as in Omniglot (blurred pixels).

    5-way 1-shot, measured on 300 episodes: 0.72 here, 0.68 there (without turns).
    """
    characters = strokes.invent(500, generator(1)).repeated(2)
    images = strokes.redraw(characters, generator(2))
    assert images.shape == (500, 2, SIDE, SIDE)
    blurred = torch.nn.functional.avg_pool2d(images, 7, stride=2, padding=3)
    first, second = blurred.view(100, 5, 2, -1).unbind(2)
    nearest = torch.cdist(second, first).argmin(-1)
    assert 0.62 < (nearest == torch.arange(5)).float().mean() < 0.82
    assert not torch.equal(images[:, 0], images[:, 1])
    assert (characters.width > 0).sum(-1).min() >= 1 and characters.width.max() == WIDTH


def test_no_warning_is_needed_to_draw():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sample([Invented()], 2, 5, 1, 1, generator())
