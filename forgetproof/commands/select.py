"""``forgetproof select``: the samples or classes of one's own images that are hardest to forget."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from forgetproof.commands.train import Column
from forgetproof.commands.train import Data as Source
from forgetproof.options import Json, UserError, emit
from forgetproof.runtime import start_jax


def select(
    data: Source = "digits",
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="What 'forgetproof train' wrote; if left out, a network is trained first."),
    ] = None,
    share: Annotated[float | None, typer.Option("--share", help="Fraction of the training images; 0.1.")] = None,
    count: Annotated[int | None, typer.Option("--count", help="Training images, in place of --share.")] = None,
    classes: Annotated[int | None, typer.Option("--classes", help="Whole classes, in place of --share.")] = None,
    method: Annotated[
        str, typer.Option("--method", help="Unlearning that the search answers to: sign_descent, retrain, fine_tune...")
    ] = "sign_descent",
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Of the method, in place of its own.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", help="Of the method, in place of its own.")] = None,
    alpha: Annotated[
        float | None, typer.Option("--alpha", help="Step of the selection's weights; one that can move the set.")
    ] = None,
    iterations: Annotated[int, typer.Option("--iterations", min=1, help="Of the selection.")] = 20,
    evaluate: Annotated[
        int, typer.Option("--evaluate", min=0, help="Retrain without the set and without as many random ones.")
    ] = 0,
    out: Annotated[Path, typer.Option("--out", help="Folder for indices, picture and numbers.")] = Path("selected"),
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of the start, the batches and the random sets.")
    ] = 0,
    per_class: Annotated[
        int | None, typer.Option("--per-class", min=1, help="Training images of each class; all if left out.")
    ] = None,
    resize: Annotated[int | None, typer.Option("--resize", min=1, help="Side in pixels of every image.")] = None,
    channels: Annotated[int | None, typer.Option("--channels", help="1 grey, 3 RGB; by the first image.")] = None,
    image_column: Column = None,
    label_column: Column = None,
    as_json: Json = False,
) -> None:
    """Find the forget set that is hardest to forget. Killed and called again, it goes on where it was."""
    start_jax(all_cores=True)
    from experiments import selecting
    from forgetproof.screen.selection import show_selected, working

    if out.exists() and not out.is_dir():
        raise UserError(f"--out: expected a folder, but {out} is a file")
    began = time.perf_counter()
    options = {"resize": resize, "channels": channels, "image": image_column, "label": label_column}
    try:
        held = None if checkpoint is None else _read(checkpoint)
        images = _images(data, options, per_class, seed if held is None else held[1]["seed"])
        unit, k = selecting.wanted_units(images, share, count, classes)
        hyper = {name: value for name, value in (("epochs", epochs), ("rate", rate)) if value is not None}
        wanted = selecting.Wanted(unit, k, method, alpha, iterations, seed, hyper)
        with working(as_json) as bars:
            network, recipe = _network(images, held, checkpoint, out, seed, bars.epochs)
            subject, parts = selecting.subject_of(images, network, recipe), out / selecting.PARTS
            selected = selecting.select(subject, wanted, parts, bars.steps("selecting", iterations))
            record: dict[str, Any] = {
                "data": images.name,
                "samples": len(images.train_y),
                "classes": images.classes,
                "network": recipe.network,
                "checkpoint": str(checkpoint) if checkpoint else str(out / "trained"),
                **selecting.recorded(selected, wanted),
                "evaluation": None,
            }
            record["files"] = _written(images, selected, record, out, began)
            if evaluate:  # minutes: the set is safe in its files by now
                advance = bars.steps("retraining", evaluate + 1)
                record["evaluation"] = selecting.evaluate(subject, wanted, selected.found, evaluate, parts, advance)
                record["files"] = _written(images, selected, record, out, began)
            selecting.clear(out)
    except ValueError as fault:
        raise UserError(str(fault)) from fault
    if as_json:
        emit([record])
    else:
        show_selected(record)


def _read(path: Path) -> tuple[Any, dict[str, Any]]:
    """The network of a checkpoint and the run that it belongs to."""
    from experiments.training import FILE, read_trained

    folder = path if path.is_dir() else path.parent
    if not path.is_dir() and path.name != FILE:
        raise UserError(f"--checkpoint: expected a folder that 'forgetproof train' wrote or its {FILE}, got {path}")
    network, about = read_trained(folder)
    done, epochs = len(about["losses"]), about["recipe"]["epochs"]
    if done < epochs:
        raise UserError(
            f"--checkpoint: {folder} is at epoch {done} of {epochs}; call its 'forgetproof train' again first"
        )
    return network, about


def _images(data: str, options: dict[str, Any], per_class: int | None, seed: int) -> Any:
    from experiments.images.source import load_images

    images = load_images(data, **options, seed=seed)
    return images if per_class is None else images.per_class(per_class, seed)


def _network(
    images: Any, held: tuple[Any, dict[str, Any]] | None, checkpoint: Path | None, out: Path, seed: int, progress: Any
) -> tuple[Any, Any]:
    """The checkpoint's network, if it was trained on these images, or one that is trained now; with its recipe."""
    from experiments.recipes import Recipe, recipe_for
    from experiments.training import train

    if held is None:
        recipe = recipe_for(images.shape)
        trained = train(images, recipe, seed, folder=out / "trained", progress=progress(recipe.epochs))
        return trained.network, trained.recipe
    network, about = held
    if about["fingerprint"] != images.fingerprint():
        raise UserError(
            f"{checkpoint}: trained on other images (of {about['data']}) than these of {images.name}; "
            "expected the same --data, --per-class, --resize and --channels"
        )
    return network, Recipe(**about["recipe"])


def _written(images: Any, selected: Any, record: dict[str, Any], out: Path, began: float) -> dict[str, str]:
    from experiments import selecting

    record["seconds"] = time.perf_counter() - began
    return {**_pictures(images, selected, record, out), **selecting.write(record, selected, out)}


def _pictures(images: Any, selected: Any, record: dict[str, Any], out: Path) -> dict[str, str]:
    import numpy as np

    from figures.style import save
    from figures.worst_set import COLUMNS, ROWS, plot

    found = selected.found
    own = found.losses[-1][selected.units]
    chosen = np.flatnonzero(found.forget)
    chosen = chosen[np.argsort(own[chosen], kind="stable")][: COLUMNS * ROWS]
    if record["unit"] == "class":  # not only the first class
        chosen = np.flatnonzero(found.forget)[:: max(1, int(found.forget.sum()) // (COLUMNS * ROWS))]
    random = np.flatnonzero(selected.random)
    random = random[:: max(1, len(random) // (COLUMNS * ROWS))]
    labels = selected.labels[chosen], selected.labels[random]
    paths = save(plot(images.train_x[chosen], images.train_x[random], labels, record), out, "chosen")
    return {path.name: str(path) for path in paths}
