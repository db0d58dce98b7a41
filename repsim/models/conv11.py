"""The network of Morcos et al. 2018 on CIFAR-10: eleven 3×3 convolutions with batch norm and ReLU.

They have 64 to 512 channels, and three have stride 2: of 32×32 pixels 4×4 positions remain. The
paper does not say what follows the last convolution: a global average and a linear layer are our
reading.

Source: Morcos, Raghu & Bengio 2018, appendix A.4.
"""

from pydantic import Field

from repsim.inputs import InputSpec
from repsim.models.builder import CIFAR_INPUT, Builder
from repsim.models.plain import Plain
from repsim.options import StrictOptions

__all__ = ["MODELS", "Options"]

WIDTHS = (64, 64, 128, 128, 128, 256, 256, 256, 512, 512, 512)
STRIDES = (1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1)


class Options(StrictOptions):
    """Options of the model "conv11"."""

    width: float = Field(default=1.0, gt=0, description="factor on the channels of every layer")


def _build(options: Options, inputs: InputSpec, outputs: int) -> Plain:
    widths = [max(1, round(width * options.width)) for width in WIDTHS]
    convolutions = list(zip(widths, STRIDES, strict=True))
    return Plain(convolutions, channels=inputs.shape[0], classes=outputs)


MODELS = {"conv11": Builder(options=Options, build=_build, default_input=CIFAR_INPUT)}
