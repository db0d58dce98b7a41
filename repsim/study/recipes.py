"""The training that is usual for a data set, where a study file does not say otherwise."""

from typing import Any

__all__ = ["with_recipe"]

# Of tokens, what trains recurrent networks and transformers alike: the rates of Wang et al. are for
# images.
TOKENS: dict[str, Any] = {
    "epochs": 20,
    "batch_size": 20,
    "optimiser": "adamw",
    "learning_rate": 2e-3,
    "weight_decay": 0.01,
    "schedule": "cosine",
    "clip": 1.0,
}

# ImageNet: the 90-epoch recipe of He et al. 2016 ("Deep residual learning", section 3.4) as the
# torchvision reference scripts run it. A data set that is not listed gets the defaults of Training.
RECIPES: dict[str, dict[str, Any]] = {
    "imagenet": {
        "epochs": 90,
        "batch_size": 256,
        "learning_rate": 0.1,
        "weight_decay": 1e-4,
        "milestones": (30, 60),
    },
    "text": TOKENS,
    "sequences": TOKENS,
}


def with_recipe(raw: dict[str, Any]) -> dict[str, Any]:
    """`raw` with the data set's usual training filled in where the study says nothing.

    A study that sets its own number of epochs or steps gets milestones in proportion to it.
    """
    data, training = raw.get("data"), raw.get("training", {})
    if not isinstance(data, dict) or not isinstance(training, dict):
        return raw  # validation will say what is wrong
    recipe = dict(RECIPES.get(str(data.get("name")), {}))
    if not training.keys().isdisjoint({"epochs", "steps"}):
        recipe.pop("milestones", None)
        recipe.pop("epochs", None)
    return {**raw, "training": {**recipe, **training}} if recipe else raw
