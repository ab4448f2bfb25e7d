"""Reconstructions and samples of paper A's VAEs as small PNGs for the page.

`pictures.json` lists for each kind and setting of latent variables its `label`, `latents`,
`section`, `latent` and `seed`, and two images, with `shown` pictures per row: `reconstructions`,
with rows of originals, reconstructions from hard codes and from relaxed codes; and `samples` of the
discrete prior. An image has `png`, base64 of a greyscale PNG at the data's resolution, `width` and
`height`.
"""

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from reinrelax.config.load import Config
from reinrelax.datasets.images import width_in
from reinrelax.experiments.relaxed_vae.tables import stored

Pixels = np.ndarray[Any, Any]

# The number of shades of small pictures, of which there are many: enough for the eye.
_SHADES = 16
# The method whose pictures the paper shows: they are large, and keep all their shades.
SHOWN = "Correlated-Bernoulli"


def pictures(config: Config, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the content of `pictures.json`, in the order of the table.

    Args:
        config: the configuration of the results.
        table: the report's `relaxations`; `run_id` names the run whose pictures represent the row.

    Raises:
        ResultsError: a file of pictures is damaged.
    """
    lines = {str(line["run_id"]): line for line in table.to_dict("records")}
    order, found, width = list(lines), {}, width_in(config.folder / "data")
    for content in stored(config, lines):
        for index, run in enumerate(map(str, content["shown_run_ids"])):
            if run in lines:
                found[run] = _entry(lines[run], content, index, width)
    return [found[run] for run in order if run in found]


def encode(pixels: Pixels) -> str:
    """Encode pixels `[height, width]`, uint8, as base64 of a greyscale PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def tiled(images: Pixels, across: int, width: int) -> Pixels:
    """Arrange images `[N, D]`, `width` pixels wide, in rows of `across`."""
    height = images.shape[1] // width
    rows = images.reshape(-1, across, height, width)
    return rows.transpose(0, 2, 1, 3).reshape(len(rows) * height, across * width)


def _entry(
    line: Mapping[Any, Any], content: Mapping[str, Pixels], index: int, width: int
) -> dict[str, Any]:
    originals, hard, relaxed = (
        content["originals"],
        content["hard"][index],
        content["relaxed"][index],
    )
    samples, shown, exact = content["samples"][index], len(originals), line["latents"] == SHOWN
    return {
        **{name: line[name] for name in ("label", "latents", "section", "latent")},
        "seed": int(line["seed"]),
        "shown": shown,
        "reconstructions": _image(
            tiled(np.concatenate((originals, hard, relaxed)), shown, width), exact
        ),
        "samples": _image(tiled(samples, shown, width), exact),
    }


def _image(pixels: Pixels, exact: bool) -> dict[str, Any]:
    if not exact:
        step = 255 / (_SHADES - 1)
        pixels = (np.round(pixels / step) * step).astype(np.uint8)
    return {"png": encode(pixels), "width": pixels.shape[1], "height": pixels.shape[0]}
