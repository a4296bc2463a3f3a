"""Styles by what they must do, prompts and their numbers, and the judge on images that it never saw."""

import numpy as np
import pytest

from experiments.studies.styled_digits import EVERY, PROMPTS, SIDE, STYLES, load, styled, train_judge

INK = np.random.default_rng(0).uniform(size=(3, SIDE, SIDE)).astype(np.float32)


def test_styles_keep_ink_within_0_and_1_and_differ():
    drawn = {name: transform(INK) for name, transform in STYLES.items()}
    assert all(found.min() >= 0.0 and found.max() <= 1.0 and found.shape == INK.shape for found in drawn.values())
    images = np.stack(list(drawn.values()))
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(STYLES)


def test_styles_by_hand():
    np.testing.assert_array_equal(STYLES["inverted"](STYLES["inverted"](INK.astype(np.float64))), INK)
    turned = INK
    for _ in range(4):
        turned = STYLES["rotated"](turned)
    np.testing.assert_array_equal(turned, INK)
    dot = np.zeros((1, SIDE, SIDE))
    dot[0, 3, 4] = 1.0
    ring = np.zeros((SIDE, SIDE))
    ring[2:5, 3:6] = 1.0
    ring[3, 4] = 0.0
    np.testing.assert_array_equal(STYLES["outlined"](dot)[0], ring)
    for name in ("chequered", "striped"):
        assert np.all(STYLES[name](INK) >= INK)
        assert STYLES[name](0.0 * INK).sum() == 3 * SIDE * SIDE / 4


def test_every_image_has_every_prompt_of_its_class():
    found = styled(INK, np.array([4, 0, 9]))
    assert found.x.shape == (3 * len(STYLES), SIDE * SIDE)
    assert np.array_equal(EVERY[np.asarray(found.number)], found.prompt)
    assert sorted(set(found.prompt[:, 0].tolist())) == [0, 4, 9]
    assert sorted(found.number.tolist()) == sorted(c * len(STYLES) + s for c in (4, 0, 9) for s in range(len(STYLES)))
    plain = np.asarray(found.x)[np.asarray(found.prompt)[:, 1] == 0]
    np.testing.assert_allclose(plain.reshape(INK.shape), 2.0 * INK - 1.0, rtol=1e-6)


@pytest.mark.slow
def test_the_judge_tells_prompts_of_unseen_images_apart():
    seen, unseen = load(0, 0)
    found = train_judge(seen, 10, 0).sees(unseen.x)
    right = found == np.asarray(unseen.number)
    assert right.mean() > 0.96
    assert np.mean(EVERY[found][:, 1] == np.asarray(unseen.prompt)[:, 1]) > 0.999
    assert min(right[np.asarray(unseen.number) == p].mean() for p in range(PROMPTS)) > 0.8
