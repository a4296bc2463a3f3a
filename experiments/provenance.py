"""Where a number came from: versions, machine, device, revision, seed, time taken."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import xarray as xr

from experiments.study import Study

PACKAGES = ("forgetproof", "jax", "jaxlib", "numpy", "scipy", "scikit-learn", "sympy", "python-flint", "matplotlib")


def environment() -> dict[str, Any]:
    """Versions, processor, device and git revision of this run."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    device = jax.devices()[0]
    return {
        "python": platform.python_version(),
        "versions": versions,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "processor": _processor(),
        "device": f"{device.platform}: {device.device_kind}",
        "x64": bool(jax.config.read("jax_enable_x64")),
        "revision": _revision(),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _revision() -> str:
    """Git revision of the source tree, "unknown" outside one."""
    here = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def stamped(study: Study, parameters: Mapping[str, Any]) -> xr.Dataset:
    """Run a study and write its provenance into the dataset's attributes."""
    began = time.perf_counter()
    dataset = study.run(parameters)
    return dataset.assign_attrs(
        study=study.key,
        title=study.title,
        parameters=json.dumps(dict(parameters), sort_keys=True, default=list),
        seconds=round(time.perf_counter() - began, 3),
        environment=json.dumps(environment(), sort_keys=True),
    )
