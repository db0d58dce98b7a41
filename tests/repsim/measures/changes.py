"""Changes of a layer under which a measure says that it stays the same, or does not."""

import numpy as np


def changed(change, x, generator):
    p = x.shape[1]
    match change:
        case "neuron permutation":
            return x[:, generator.permutation(p)]
        case "neuron scaling":
            return x * generator.uniform(0.1, 10, size=p)
        case "isotropic scaling":
            return 7.5 * x
        case "orthogonal":
            return x @ np.linalg.qr(generator.normal(size=(p, p)))[0]
        case "invertible linear":
            return x @ generator.normal(size=(p, p))
        case "translation":
            return x + 3 * generator.normal(size=p)
    raise AssertionError(change)
