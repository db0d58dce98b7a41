"""Where given weights are: a file, a URL, or a library that publishes them under a name."""

__all__ = ["implied_model", "published_by"]

# By the word before the colon.
LIBRARIES = ("torchvision", "timm", "hf")


def published_by(weights: str) -> tuple[str, str] | None:
    """The library that publishes the weights and their name there; None for a file or URL.

    >>> published_by("timm:resnet18.a1_in1k")
    ('timm', 'resnet18.a1_in1k')
    >>> published_by("runs/last.pt")
    """
    library, colon, name = weights.partition(":")
    return (library, name) if colon and library in LIBRARIES and name else None


def implied_model(weights: str) -> str | None:
    """The model that published weights are of; None for a file, which does not say.

    >>> implied_model("torchvision:ResNet18_Weights.IMAGENET1K_V1")
    'torchvision.resnet18'
    """
    published = published_by(weights)
    if published is None:
        return None
    library, name = published
    if library == "torchvision":
        # Its own rule: ``ResNet18_Weights`` are those of ``resnet18``.
        name = name.partition(".")[0].removesuffix("_Weights").lower()
    return f"{library}.{name}"
