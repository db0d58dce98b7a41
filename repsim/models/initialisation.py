"""The initial weights of every model here; random, from torch's global generator."""

from torch import nn

__all__ = ["initialise"]


def initialise(network: nn.Module, *, linear_std: float | None = 0.01) -> None:
    """Draw the weights of a new network, in the order of its modules.

    Convolutions: normal, variance 2 / (outputs × kernel area) (He et al. 2015, eq. 14, so that
    gradients keep their variance); linear layers: normal; biases 0; batch norm 1 and 0.

    Parameters
    ----------
    network
        Changed in place.
    linear_std
        Standard deviation for linear layers, 0.01 in Wang et al. 2018. None for the variance
        2 / inputs (He et al. 2015, eq. 10).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            std = (2 / module.in_features) ** 0.5 if linear_std is None else linear_std
            nn.init.normal_(module.weight, 0.0, std)
            nn.init.zeros_(module.bias)
