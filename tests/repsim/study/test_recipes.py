"""The usual training of a data set stands in where a study says nothing."""

from repsim.study import parse_study

IMAGENET = """
name = "s"
seeds = [0, 1]
[data]
name = "imagenet"
[model]
name = "vgg16"
"""


def training(*overrides):
    return parse_study(IMAGENET, overrides).training


def test_imagenet_is_trained_by_its_usual_90_epochs():
    usual = training()
    assert (usual.epochs, usual.batch_size, usual.learning_rate) == (90, 256, 0.1)
    assert (usual.weight_decay, usual.milestones_applied) == (1e-4, (30, 60))


def test_what_the_study_says_goes_before_the_recipe():
    own = training("training.learning_rate=0.05", "training.weight_decay=0.0")
    assert (own.epochs, own.learning_rate, own.weight_decay) == (90, 0.05, 0.0)
    assert own.milestones_applied == (30, 60)


def test_another_number_of_epochs_has_milestones_in_proportion():
    assert training("training.epochs=8").milestones_applied == (4, 6)
    assert training("training.epochs=8", "training.milestones=[7]").milestones_applied == (7,)


def test_one_epoch_has_no_milestone_at_its_start():
    assert training("training.epochs=1").milestones_applied == ()


def test_other_data_get_no_recipe():
    assert training("data.name=cifar10").epochs == 160
