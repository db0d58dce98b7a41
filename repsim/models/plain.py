"""Plain networks for CIFAR: a stack of 3×3 convolutions, each with batch norm and ReLU.

2n + 1 convolutions of 16 channels, then 2n for each wider stage (the first of them with stride 2),
a global average and a linear layer: 6n + 2 layers with weights for the stages (16, 32, 64), and
8n + 2 for (16, 32, 64, 128).

Source: He et al. 2016, section 4.2 (plain-20 ... plain-56); Wang et al. 2018 (plain42, plain44).
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from repsim.inputs import InputSpec
from repsim.models.builder import CIFAR_INPUT, Builder, NoOptions
from repsim.models.initialisation import initialise

__all__ = ["MODELS", "Plain"]

# Layers with weights: n, and the widths of the stages.
SHAPES = {
    20: (3, (16, 32, 64)),
    32: (5, (16, 32, 64)),
    34: (4, (16, 32, 64, 128)),
    42: (5, (16, 32, 64, 128)),
    44: (7, (16, 32, 64)),
    56: (9, (16, 32, 64)),
}


class Plain(nn.Module):
    """Modules ``features.conv1``, ``features.bn1``, ``features.relu1``, ... ``classifier``."""

    def __init__(self, convolutions: Sequence[tuple[int, int]], *, channels: int, classes: int):
        """Of the width and stride of each convolution."""
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for number, (width, stride) in enumerate(convolutions, start=1):
            # Batch norm has the bias.
            layers[f"conv{number}"] = nn.Conv2d(
                channels, width, 3, stride=stride, padding=1, bias=False
            )
            layers[f"bn{number}"] = nn.BatchNorm2d(width)
            layers[f"relu{number}"] = nn.ReLU()
            channels = width
        self.features = nn.Sequential(layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (b, classes) of images (b, c, h, w)."""
        logits: Tensor = self.classifier(self.pool(self.features(images)).flatten(1))
        return logits


def _build(
    n: int, widths: tuple[int, ...], _options: NoOptions, inputs: InputSpec, outputs: int
) -> Plain:
    convolutions = [
        (width, 2 if stage > 0 and position == 0 else 1)
        for stage, width in enumerate(widths)
        for position in range(2 * n + (1 if stage == 0 else 0))
    ]
    return Plain(convolutions, channels=inputs.shape[0], classes=outputs)


MODELS = {
    f"plain{layers}": Builder(
        options=NoOptions, build=partial(_build, n, widths), default_input=CIFAR_INPUT
    )
    for layers, (n, widths) in SHAPES.items()
}
