"""The small CNN's training epoch and UNSIR as one would write them in PyTorch, from the same weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.benchmarks.measure import peer

Data = tuple[np.ndarray, np.ndarray]


def torch_network(weights: Any) -> Any:
    """The same function of images (N, C, H, W): convolution, pooling, twice; hidden and last dense layer."""
    torch = peer("torch")
    torch.set_num_threads(1)
    nn = torch.nn
    one, two, three, four = (weights[0].parts[0], weights[1].parts[0], weights[2].parts[0], weights[3])
    convs = [nn.Conv2d(*part.weight.shape[2:], 3, padding=1) for part in (one, two)]
    denses = [nn.Linear(*part.weight.shape) for part in (three, four)]
    channels = two.weight.shape[3]
    side = round((three.weight.shape[0] / channels) ** 0.5)
    with torch.no_grad():
        for conv, part in zip(convs, (one, two), strict=True):
            conv.weight.copy_(torch.from_numpy(part.weight.transpose(3, 2, 0, 1).copy()))
        first = three.weight.reshape(side, side, channels, -1).transpose(3, 2, 0, 1).reshape(three.weight.shape[1], -1)
        for dense, weight in zip(denses, (first, four.weight.T), strict=True):
            dense.weight.copy_(torch.from_numpy(weight.copy()))
        for layer, part in zip((*convs, *denses), (one, two, three, four), strict=True):
            layer.bias.copy_(torch.from_numpy(part.bias.copy()))
    pool = nn.MaxPool2d(2)
    parts = (convs[0], nn.ReLU(), pool, convs[1], nn.ReLU(), pool, nn.Flatten(), denses[0], nn.ReLU(), denses[1])
    return nn.Sequential(*parts)


def _weights(network: Any, like: Any) -> list[np.ndarray]:
    """Back to the layout of the JAX network, in the order of its leaves."""
    layers = [layer for layer in network if hasattr(layer, "weight")]
    shape = like[2].parts[0].weight.shape
    channels = like[1].parts[0].weight.shape[3]
    side = round((shape[0] / channels) ** 0.5)
    found = []
    for index, layer in enumerate(layers):
        weight = layer.weight.detach().numpy()
        if index < 2:
            weight = weight.transpose(2, 3, 1, 0)
        elif index == 2:
            weight = weight.reshape(shape[1], channels, side, side).transpose(2, 3, 1, 0).reshape(shape)
        else:
            weight = weight.T
        found += [weight, layer.bias.detach().numpy()]
    return found


def torch_tensors(data: Data) -> tuple[Any, Any]:
    torch = peer("torch")
    x, y = data
    return torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), torch.from_numpy(y.astype(np.int64))


def _descend(network: Any, rule: Any, x: Any, y: Any, order: Any, loader: bool) -> None:
    """Steps over batches from a DataLoader, as authors write them, or by index, which costs less."""
    torch = peer("torch")
    sets = torch.utils.data.TensorDataset(x, y)
    by_loader = torch.utils.data.DataLoader(sets, batch_sampler=[rows.tolist() for rows in order]) if loader else ()
    for images, labels in by_loader if loader else ((x[rows], y[rows]) for rows in order):
        rule.zero_grad()
        torch.nn.functional.cross_entropy(network(images), labels).backward()
        rule.step()


def torch_epoch(
    weights: Any, data: Data, order: np.ndarray, rate: float, decay: float, loader: bool = True
) -> list[np.ndarray]:
    """Weights after one epoch of descent with momentum 0.9."""
    torch = peer("torch")
    network = torch_network(weights)
    rule = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9, weight_decay=decay)
    _descend(network, rule, *torch_tensors(data), torch.from_numpy(order.astype(np.int64)), loader)
    return _weights(network, weights)


def torch_unsir(
    weights: Any, data: Data, forgotten: int, classes: int, hyper: Mapping[str, Any], loader: bool = True
) -> tuple[list[np.ndarray], int]:
    """Noise, impair and repair of one class: weights and the number of update steps."""
    torch = peer("torch")
    network, generator = torch_network(weights), torch.Generator().manual_seed(0)
    x, y = torch_tensors(data)
    noise = torch.randn(hyper["noise_batch"], *x.shape[1:], generator=generator).requires_grad_()
    label = torch.full((len(noise),), forgotten)
    rule = torch.optim.Adam([noise], lr=hyper["noise_rate"])
    for _ in range(hyper["noise_steps"]):
        rule.zero_grad()
        size = noise.square().sum((1, 2, 3)).mean()
        (hyper["penalty"] * size - torch.nn.functional.cross_entropy(network(noise), label)).backward()
        rule.step()
    rows = [torch.nonzero(y == c)[: hyper["per_class"], 0] for c in range(classes) if c != forgotten]
    kept, labels = x[torch.cat(rows)], y[torch.cat(rows)]
    mixed = torch.cat([kept, noise.detach().repeat(hyper["copies"], 1, 1, 1)])
    named = torch.cat([labels, label.repeat(hyper["copies"])])
    steps = 0
    for images, targets, rate in ((mixed, named, hyper["impair_rate"]), (kept, labels, hyper["repair_rate"])):
        order = torch.randperm(len(images), generator=generator).split(hyper["batch"])
        steps += len(order)
        _descend(network, torch.optim.Adam(network.parameters(), lr=rate), images, targets, order, loader)
    return _weights(network, weights), steps
