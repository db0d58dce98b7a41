"""Residual networks for CIFAR, of two families.

``resnet18`` and ``resnet34`` have the blocks of the ImageNet networks behind a 3×3 stem without
pooling; their shortcuts are 1×1 convolutions where the shape changes (option B). ``resnet20``
... ``resnet110`` have 6n + 2 layers of 16, 32 and 64 channels; their shortcuts have no weights:
every other pixel, channels padded with zeros (option A).

Every ReLU is a module of its own: ``relu1`` after the first convolution of a block, ``relu2``
after the addition.

Source: He et al. 2016, sections 3.3, 4.1 and 4.2.
"""

from dataclasses import dataclass, replace
from functools import partial

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from repsim.inputs import InputSpec
from repsim.models.builder import CIFAR_INPUT, Builder
from repsim.models.initialisation import initialise
from repsim.options import StrictOptions

__all__ = ["MODELS", "Options", "ResNet"]

PROJECTED_DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
PADDED_LAYERS = (20, 32, 44, 56, 110)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Blocks and channels of each stage, and the kind of shortcut."""

    depths: tuple[int, ...]
    widths: tuple[int, ...]
    projected: bool


class Options(StrictOptions):
    """Options of the residual networks."""

    width: float = Field(default=1.0, gt=0, description="factor on the channels of every layer")


class PaddedShortcut(nn.Module):
    """Every other pixel, and as many zero channels as are missing (option A)."""

    def __init__(self, missing: int, stride: int) -> None:
        super().__init__()
        self.missing = missing
        self.stride = stride

    def forward(self, features: Tensor) -> Tensor:
        """Features (b, c + missing, h / stride, w / stride)."""
        features = features[:, :, :: self.stride, :: self.stride]
        before = self.missing // 2
        return functional.pad(features, (0, 0, 0, 0, before, self.missing - before))


def _projection(inputs: int, outputs: int, stride: int) -> nn.Module:
    convolution = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, projected: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = (
                _projection(inputs, outputs, stride)
                if projected
                else PaddedShortcut(outputs - inputs, stride)
            )
        self.relu2 = nn.ReLU()

    def forward(self, features: Tensor) -> Tensor:
        """Features of the next block."""
        residual = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(features)))))
        output: Tensor = self.relu2(residual + self.shortcut(features))
        return output


class ResNet(nn.Module):
    """Modules ``conv1``, ``bn1``, ``relu1``, ``stage1.0.relu1``, ... ``pool``, ``classifier``."""

    def __init__(self, shape: Shape, *, channels: int, classes: int) -> None:
        super().__init__()
        inputs = shape.widths[0]
        self.conv1 = nn.Conv2d(channels, inputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.relu1 = nn.ReLU()
        self.stages = len(shape.depths)
        stages = zip(shape.depths, shape.widths, strict=True)
        for number, (depth, width) in enumerate(stages, start=1):
            blocks = []
            for position in range(depth):
                stride = 2 if number > 1 and position == 0 else 1
                blocks.append(BasicBlock(inputs, width, stride=stride, projected=shape.projected))
                inputs = width
            self.add_module(f"stage{number}", nn.Sequential(*blocks))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(inputs, classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (b, classes) of images (b, c, h, w)."""
        features = self.relu1(self.bn1(self.conv1(images)))
        for number in range(1, self.stages + 1):
            features = self.get_submodule(f"stage{number}")(features)
        logits: Tensor = self.classifier(self.pool(features).flatten(1))
        return logits


def _build(shape: Shape, options: Options, inputs: InputSpec, outputs: int) -> ResNet:
    widths = tuple(max(1, round(width * options.width)) for width in shape.widths)
    return ResNet(replace(shape, widths=widths), channels=inputs.shape[0], classes=outputs)


def _builder(shape: Shape) -> Builder:
    return Builder(options=Options, build=partial(_build, shape), default_input=CIFAR_INPUT)


MODELS = {
    f"resnet{layers}": _builder(Shape(depths=depths, widths=(64, 128, 256, 512), projected=True))
    for layers, depths in PROJECTED_DEPTHS.items()
} | {
    f"resnet{layers}": _builder(
        Shape(depths=((layers - 2) // 6,) * 3, widths=(16, 32, 64), projected=False)
    )
    for layers in PADDED_LAYERS
}
