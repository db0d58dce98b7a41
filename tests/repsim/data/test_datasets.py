import sys
import textwrap

import pytest

from repsim.data import dataset_names, load_data
from repsim.errors import StudyError


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    text = """
        import numpy as np
        from repsim.data import DataSource, InputSpec, Split, from_arrays

        def squares(*, count=4):
            images, labels = np.ones((count, 1, 8, 8)), np.arange(count) % 2
            return from_arrays(train=(images, labels), test=(images, labels), name="squares")

        def wrong():
            return [1, 2, 3]

        class Repeats(Split):
            def __init__(self):
                self.ids, self.targets = ("a", "a"), np.zeros(2, np.int64)

            def batches(self, indices, **_):
                return iter(())

        def repeated():
            inputs = InputSpec(shape=(1, 1, 1))
            return DataSource(name="r", classes=1, inputs=inputs, train=Repeats(), test=Repeats(),
                              preprocessing="none")
    """
    (tmp_path / "own_dataset_of_a_test.py").write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    yield "own_dataset_of_a_test"
    sys.modules.pop("own_dataset_of_a_test", None)


def test_every_dataset_file_is_found_and_nothing_else():
    images = ("cifar10", "cifar100", "digits", "imagenet", "mnist", "synthetic")
    assert dataset_names() == tuple(sorted((*images, "image_regression", "sequences", "text")))


def test_an_unknown_name_is_answered_with_the_nearest_and_the_dotted_form():
    message = r"dataset. Got 'cifar'. Did you mean 'cifar10'\?.*digits.*'package.module:name'"
    with pytest.raises(StudyError, match=message):
        load_data("cifar", {})


@pytest.mark.parametrize("name", ["source", "resident", "arrays"])
def test_a_module_that_is_no_dataset_is_not_one(name):
    with pytest.raises(StudyError, match="Expected a known dataset"):
        load_data(name, {})


def test_an_unknown_option_is_answered_with_the_nearest():
    with pytest.raises(StudyError, match=r"option of dataset 'digits'. Got 'sise'. .*'size'"):
        load_data("digits", {"sise": 16})


def test_a_dataset_of_ones_own_is_called_by_its_path(own_module):
    source = load_data(f"{own_module}:squares", {"count": 6})
    assert (source.name, len(source.train), source.classes) == ("squares", 6, 2)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        ("wrong", {}, r"to return a repsim.data.DataSource. Got list.*from_arrays"),
        ("sqares", {}, r"Got 'sqares'. Did you mean 'squares'"),
        ("squares", {"cuont": 3}, r"Got 'cuont'. Did you mean 'count'"),
        ("repeated", {}, r"every id once in the train split of .*Got 'a' more than once"),
    ],
)
def test_a_dataset_of_ones_own_is_checked(own_module, function, options, message):
    with pytest.raises(StudyError, match=message):
        load_data(f"{own_module}:{function}", options)
