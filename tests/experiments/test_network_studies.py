"""What the studies of networks share."""

import jax
import numpy as np
import pytest

from experiments.studies import network_unlearning as shared
from experiments.study import all_studies

P = all_studies()["unsir_outcome"].tiny


@pytest.mark.parametrize(
    ("device", "channels", "name"),
    [("gpu", 3, "resnet18"), ("gpu", 1, "small_cnn"), ("cpu", 3, "small_cnn")],
)
def test_colour_images_on_a_gpu_get_the_large_network(device, channels, name, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: device)
    assert shared._architecture({**P, "network": "auto"}, (32, 32, channels))[0] == name
    assert shared._architecture(P, (32, 32, channels)) == ("small_cnn", P["width"])


def test_the_setting_says_what_was_used():
    text = shared.setting({**P, "per_class": 10**6})["setting"]
    least = int(np.bincount(shared.load_images("digits", seed=0).train_y).min())
    assert text == f"digits, {least} images a class, small CNN of width 2, 1 epochs"
