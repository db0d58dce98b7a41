"""Layers as inner products of examples: what measures of examples × examples need.

The moments of a pair hold inner products of neurons; kernels, distances and neighbours are of
examples. These cost n × n numbers for n examples, so they are taken of a subset: 1024 as a rule.
"""

from repsim.examples.gram import ExampleGram
from repsim.examples.layer import Features, LayerExamples
from repsim.examples.pair import ExamplePair, example_pair

__all__ = ["ExampleGram", "ExamplePair", "Features", "LayerExamples", "example_pair"]
