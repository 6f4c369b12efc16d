"""The course: sentences that hold for the models at hand, and its steps in a browser."""

import re
import tomllib

import numpy as np
import pytest

from src.explore.lesson import steps
from src.explore.page_model import Images, PageModel
from src.latent.codes import Codes
from src.models.networks import Autoencoder, VariationalAutoencoder
from tests.browsers import every_engine
from tests.explore.acts import numbers, until
from tests.explore.pages import CLASSES, bars, page_model, random_model, source

RNG = np.random.default_rng(0)


def cloud(name: str, prior_std: float | None, points: np.ndarray, classes: int = 10) -> PageModel:
    """A model with these codes, with a prior or without."""
    network = random_model(Autoencoder, 2)
    if prior_std is not None:
        network = random_model(VariationalAutoencoder, 2, prior_std=prior_std)
    images, labels = bars(len(points), classes)
    train = points.astype(np.float32)
    shown = Images(images, labels, images[:10], labels[:10])
    return page_model(name, network, Codes(train, labels, train[:10], labels[:10]), shown)


def clouds(gap: float, count: int = 400) -> np.ndarray:
    """Codes in two clouds whose middles are so far apart: the even classes, and the odd ones."""
    codes = np.random.default_rng(0).normal(size=(count, 2))
    codes[::2, 0] += gap
    return codes


def by_name(*models: PageModel, classes: list[str] = CLASSES) -> dict[str, dict[str, str]]:
    words = tomllib.loads(source("course.toml"))
    return {step["name"]: step for step in steps(list(models), classes, words)}


# Sentences


def test_gaps_are_counted_in_a_unit_of_both():
    """The same codes in other units have the same gaps: neither model has a hole then."""
    see = by_name(cloud("ae", None, 100 * clouds(30)), cloud("vae", 1.0, clouds(30)))["open"]["see"]
    gaps = re.findall(r"([\d.]+) \((AE|VAE)\)", see)[2:]  # after how far the codes spread
    assert [name for _, name in gaps] == ["AE", "VAE"]
    assert gaps[0][0] == gaps[1][0]
    assert "AE has a hole" not in see


def test_hole_lies_between_two_classes():
    """Of the AE alone: then it is called so; the step's path leads through it."""
    step = by_name(cloud("ae", None, clouds(60)), cloud("vae", 1.0, clouds(0)))["open"]
    assert "the AE has a hole" in step["see"]
    start, end = map(int, re.search(r"path=(\d),(\d),0.5", step["state"]).groups())
    assert (start + end) % 2 == 1
    # A few codes far outside are no hole between classes.
    codes = clouds(0)
    codes[:3] += 100
    assert "has a hole" not in by_name(cloud("ae", None, codes))["open"]["see"]


@pytest.mark.parametrize(
    ("scale", "words"), [(9, "stay within"), (1, "the pull does not show in the scale")]
)
def test_pull_is_said_where_it_shows(scale, words):
    """Where the codes of both models spread alike, the sentence says so."""
    step = by_name(cloud("ae", None, scale * clouds(0)), cloud("vae", 1.0, clouds(0)))["pull"]
    assert words in step["see"]


@pytest.mark.parametrize(("ae_gap", "vae_gap"), [(60, 0), (0, 60)])
def test_far_draws_are_counted(ae_gap, vae_gap):
    """Those that lie in a gap; if they are the VAE's, the sentence says that it does not hold."""
    see = by_name(cloud("ae", None, clouds(ae_gap)), cloud("vae", 1.0, clouds(vae_gap)))[
        "sampling"
    ]["see"]
    free, pulled = (int(number) for number in re.findall(r"(\d+) %", see))
    assert (pulled < free) == (ae_gap > 0)
    assert ("the VAE can be sampled more safely" in see) == (ae_gap > 0)
    assert ("In this run they are not fewer" in see) == (vae_gap > 0)


def test_steps_that_do_not_apply_are_left_out():
    """Classes that do not touch; a model without a prior; one class; names that are no digits."""
    apart = np.stack([np.arange(400) % 10 * 50, RNG.normal(size=400)], 1)
    assert "touch" not in by_name(cloud("ae", None, apart))
    mixed = by_name(cloud("ae", None, clouds(0)), classes=[f"class {i}" for i in range(10)])
    assert "of \u201cclass " in mixed["touch"]["question"]
    assert not {"noise", "sigma", "chain", "loss", "pull", "beta-0", "sampling"} & set(mixed)
    assert set(by_name(cloud("ae", None, clouds(0), 1), classes=["bag"])) == {"compress"}


def test_classes_that_touch_are_named():
    """The two that are each other's neighbours most often."""
    codes = np.stack([np.arange(400) % 10 * 50.0, RNG.normal(size=400)], 1)
    codes[7::10, 0] = codes[2::10, 0]
    step = by_name(cloud("ae", None, codes))["touch"]
    assert step["question"] == "Why do 2s and 7s touch?"
    assert "path=2,7," in step["state"]


# In a browser


@every_engine
def test_course_leads_from_step_to_step(page):
    """Next and Back; each says its sentence, has an address, and at the end it closes."""
    expected = page.open("conv").facts["steps"]
    assert len(expected) >= 10
    for number, step in enumerate(expected, start=1):
        page.click("#lesson .next")
        until(lambda step=step: page.text("#lesson .see[role=status]") == step["see"])
        heading = page.text("#lesson h2")
        assert heading == f"{number} of {len(expected)}: {step['question']}"
        assert f"step={step['name']}" in page.look_up("location.hash")
    page.click("#lesson .back")
    until(lambda: page.text("#lesson .see") == expected[-2]["see"])
    page.click("#lesson .next")
    until(lambda: page.text("#lesson .see") == expected[-1]["see"])
    page.click("#lesson .next")
    until(lambda: page.text("#lesson .next") == "Begin")


def test_address_keeps_the_step(page):
    """A teacher's place says what there is to see; Back leads to where one was."""
    step = page.open().facts["steps"][1]
    page.fill("#lesson select", step["name"])
    until(lambda: page.text("#lesson .see") == step["see"])
    page.browser.refresh()
    until(lambda: page.text("#lesson .see") == step["see"])
    page.browser.back()
    until(lambda: page.text("#lesson .next") == "Begin")


CHANGES = {
    "another dot": ("blur", lambda page: page.click_plane(30, 30)),
    "another tool": ("open", lambda page: page.click("#tab-samples")),
    "no image": ("blur", lambda page: page.click("#wipe")),
    "an earlier epoch": ("pull", lambda page: page.fill("#film .epoch", 1)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_sentence_goes_with_what_it_speaks_of(page, change):
    """At once, and out of the address; a button leads back."""
    name, act = CHANGES[change]
    sentence = page.open_step(name)["see"]
    assert page.text("#lesson .see") == sentence
    act(page)
    assert page.text("#lesson .see").startswith("You have changed what this step speaks of.")
    assert "step" not in page.state()
    page.click("#lesson .see button")
    until(lambda: page.text("#lesson .see") == sentence)


def test_sentence_stays_while_one_does_what_it_asks_for(page):
    """To go along the path, or to click other dots."""
    step = page.open_step("open")
    page.fill("#path .along", 0.25)
    assert page.text("#lesson .see") == step["see"]
    step = page.open_step("loss")
    page.click("#ae .nearest li:last-child button")
    assert page.text("#lesson .see") == step["see"]


def test_numbers_of_the_loss_are_the_pages(page):
    """The sentence was made by torch, the line at the image by the page."""
    step = page.open_step("loss")
    line = page.text("#chosen .trio figure:nth-child(3) .number")
    assert re.fullmatch(r"error [\d.]+ \+ KL [\d.]+ = [\d.]+", line)
    assert numbers(line) == pytest.approx(numbers(step["see"])[1:4], abs=0.11)


def test_focus_stays_with_the_step(page):
    """It moves to where it is needed, and the keyboard with it."""
    steps_of_page = page.open(width=390, height=844).facts["steps"]
    for step in steps_of_page[:2]:
        page.click("#lesson .next")
        until(lambda step=step: page.text("#lesson .act") == step["act"])
    assert page.look_up("document.activeElement.id") == "lesson-title"


@pytest.mark.parametrize(("width", "height"), [(390, 844), (768, 1024), (844, 390)])
def test_what_a_step_asks_for_is_in_sight(page, width, height):
    """It comes right below the step, where not all of the page is in sight."""
    for name in page.example().steps:
        step = page.open_step(name, width=width, height=height, touch=True)
        assert page.count(f"#lesson + #{step['near']}") == 1
        assert -1 <= page.call("boxOf", "#lesson")["top"] < height / 3
        assert page.width() <= width


def test_reduced_motion_plays_nothing_by_itself(page):
    """No step moves anything that one has not pressed."""
    for name in page.example().steps:
        page.open_step(name, prefers_reduced_motion="reduce")
        before = page.point()
        page.call("pause", 150)
        assert page.point() == before


# The chain


def test_chain_is_the_models(page):
    """z = mu + sigma * epsilon; the point and the image follow epsilon."""
    page.open(state="image=train-3&tool=chain")
    for number, epsilon in ((1, 1.5), (2, -2)):
        page.fill(f"#chain label:nth-child({number}) input", epsilon)
    cells = [numbers(cell)[0] for cell in page.each("#chain tr:not(:first-child) td")]
    mu, sigma, epsilon, z = np.array(cells).reshape(4, 2)
    assert epsilon.tolist() == [1.5, -2]
    assert z == pytest.approx(mu + sigma * epsilon, abs=0.04)
    shown = page.text("#vae .coordinates").replace("z1", "").replace("z2", "")
    assert numbers(shown) == pytest.approx(z, abs=0.006)
    assert page.is_held("vae")
    assert np.array_equal(page.greys(".image-of-z"), page.greys("#vae .decoded"))
    assert re.fullmatch(r"error [\d.]+ \+ KL [\d.]+ = [\d.]+", page.text("#chain .loss"))


def test_chain_follows_the_hand(page):
    """On its square; the sliders show the same."""
    page.open(state="image=train-3&tool=chain")
    width = page.show("#chain .pad svg")["width"]
    page.move_to("#chain .pad svg", width / 4, 0).click().perform()
    page.call("settle")
    sliders = (f"#chain label:nth-child({i}) input" for i in (1, 2))
    first, second = (numbers(page.attribute(each, "aria-valuetext"))[0] for each in sliders)
    assert 1.3 < first < 1.9
    assert abs(second) < 0.15
