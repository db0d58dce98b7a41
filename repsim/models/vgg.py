"""VGG for CIFAR: the usual convolutions, then two hidden linear layers of 512, no dropout.

Layers are named ``features.N`` and ``classifier.N``, as in torchvision. Every ReLU is a module of
its own, and none works in place.

Source: Simonyan & Zisserman 2015, table 1, with the head of Wang et al. 2018.
"""

from functools import partial

from torch import Tensor, nn

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.models.builder import CIFAR_INPUT, Builder, NoOptions
from repsim.models.initialisation import initialise

__all__ = ["MODELS", "VGG"]

# Convolutions per stage; each stage ends in a pooling.
DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)
HIDDEN = 512

# Five poolings leave one position of such an image, which the head is for.
SIDES = range(32, 64)


class VGG(nn.Module):
    """Convolutions in `features`, linear layers in `classifier`."""

    def __init__(self, depths: tuple[int, ...], *, batch_norm: bool, channels: int, classes: int):
        super().__init__()
        layers: list[nn.Module] = []
        for depth, width in zip(depths, WIDTHS, strict=True):
            for _ in range(depth):
                layers.append(nn.Conv2d(channels, width, 3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(width))
                layers.append(nn.ReLU())
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(WIDTHS[-1], HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, classes),
        )
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (b, classes) of images (b, c, h, w)."""
        logits: Tensor = self.classifier(self.features(images).flatten(1))
        return logits


def _build(
    layers: int, batch_norm: bool, _options: NoOptions, inputs: InputSpec, outputs: int
) -> VGG:
    channels, height, width = inputs.shape
    if height not in SIDES or width not in SIDES:
        raise StudyError(
            f"Expected image sides from {SIDES.start} to {SIDES.stop - 1} pixels for vgg{layers}, "
            f"whose five poolings must leave one position. Got {height}x{width}. "
            "Resize the images, or use torchvision.vgg16, which takes larger ones."
        )
    return VGG(DEPTHS[layers], batch_norm=batch_norm, channels=channels, classes=outputs)


MODELS = {
    f"vgg{layers}{'_bn' if batch_norm else ''}": Builder(
        options=NoOptions,
        build=partial(_build, layers, batch_norm),
        default_input=CIFAR_INPUT,
    )
    for layers in DEPTHS
    for batch_norm in (False, True)
}
