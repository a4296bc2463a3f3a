"""``forgetproof train``: an image classifier, with checkpoints to go on from."""

from pathlib import Path
from typing import Annotated

import typer

from forgetproof.options import Json, UserError, emit
from forgetproof.runtime import start_jax

Data = Annotated[
    str,
    typer.Option("--data", help="digits; a folder with train-*.parquet and test-*.parquet; or a name of the hub."),
]
Column = Annotated[str | None, typer.Option(help="Column of the Parquet files; the usual names are found.")]


def train(
    data: Data = "digits",
    network: Annotated[
        str | None, typer.Option("--network", help="mlp, small_cnn, all_cnn or resnet18; by the images.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Passes over the training images.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the checkpoint; a run there is gone on with.")] = Path(
        "trained"
    ),
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of digits' split, subsets, weights and batches.")
    ] = 0,
    batch: Annotated[int | None, typer.Option("--batch", min=1, help="Images a step.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", help="Largest learning rate.")] = None,
    schedule: Annotated[str | None, typer.Option("--schedule", help="one-cycle, cosine or constant.")] = None,
    weight_decay: Annotated[float | None, typer.Option("--weight-decay", help="L2, on every weight.")] = None,
    smoothing: Annotated[float | None, typer.Option("--smoothing", help="Label smoothing, in [0, 1).")] = None,
    augmentation: Annotated[str | None, typer.Option("--augmentation", help="none, shift or crop-flip.")] = None,
    precision: Annotated[str, typer.Option("--precision", help="float32, bfloat16; auto: bfloat16 on a GPU.")] = "auto",
    per_class: Annotated[
        int | None, typer.Option("--per-class", min=1, help="Training images of each class; all if left out.")
    ] = None,
    resize: Annotated[int | None, typer.Option("--resize", min=1, help="Side in pixels of every image.")] = None,
    channels: Annotated[int | None, typer.Option("--channels", help="1 grey, 3 RGB; by the first image.")] = None,
    image_column: Column = None,
    label_column: Column = None,
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Keep decoded images for the next run.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over, whatever --out holds.")] = False,
    as_json: Json = False,
) -> None:
    """Train an image classifier. Killed and called again it goes on, and ends with the same weights."""
    start_jax(all_cores=True)
    from experiments.images.source import load_images
    from experiments.recipes import recipe_for
    from experiments.training import FILE
    from experiments.training import train as run
    from forgetproof.screen.training import running, show_trained

    if out.exists() and not out.is_dir():
        raise UserError(f"--out: expected a folder, but {out} is a file")
    changes = {
        "network": network,
        "epochs": epochs,
        "batch": batch,
        "rate": rate,
        "schedule": schedule,
        "weight_decay": weight_decay,
        "smoothing": smoothing,
        "augmentation": augmentation,
        "precision": precision,
    }
    try:
        images = load_images(
            data,
            resize=resize,
            channels=channels,
            image=image_column,
            label=label_column,
            seed=seed,
            cache=cache,
        )
        images = images if per_class is None else images.per_class(per_class, seed)
        recipe = recipe_for(images.shape, **{name: value for name, value in changes.items() if value is not None})
        with running(recipe.epochs, as_json) as progress:
            trained = run(images, recipe, seed, folder=out, fresh=fresh, progress=progress)
    except ValueError as fault:
        raise UserError(str(fault)) from fault
    record = {
        "data": images.name,
        "train": len(images.train_y),
        "test": len(images.test_y),
        "shape": list(images.shape),
        "classes": images.classes,
        "recipe": trained.recipe._asdict(),
        "seed": seed,
        "loss": trained.losses[-1],
        "test_accuracy": trained.test_accuracy,
        "seconds": trained.seconds,
        "resumed": trained.resumed,
        "checkpoint": str(out / FILE),
    }
    if as_json:
        emit([record])
    else:
        show_trained(record)
