"""Rows of the table: study files and arrays that are not what they should be."""

import io

import numpy as np

from tests.hostile.runner import Row

__all__ = ["ARRAYS", "GIGABYTES", "GOOD", "INLINE", "PLAN", "STUDIES"]

GIGABYTES = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 10), }"


def npy(values: object, *, pickle: bool = False) -> bytes:
    """The bytes of a .npy file."""
    file = io.BytesIO()
    np.save(file, np.asarray(values), allow_pickle=pickle)
    return file.getvalue()


def npz(**arrays: object) -> bytes:
    """The bytes of a .npz file."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=True, **{name: np.asarray(a) for name, a in arrays.items()})
    return file.getvalue()


class Planted:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (__import__("os").mkdir, ("executed",))


GOOD = npy(np.random.default_rng(0).normal(size=(40, 3)))
PLAN = "plan study.toml"
INLINE = "run study.toml --engine inline"

STUDIES = [
    Row(name="no study file", command="plan no.toml", code=2, says=("which does not exist",)),
    Row(name="a folder as the study", command="plan tmp", code=2, says=("readable study file",)),
    Row(
        name="an empty study",
        command=PLAN,
        code=2,
        files={"study.toml": b""},
        says=("name", "data"),
    ),
    Row(name="no TOML", command=PLAN, code=2, files={"study.toml": b"name = "}, says=("TOML",)),
    Row(name="binary", command=PLAN, code=2, files={"study.toml": b"\xff\xfe\x00"}),
    Row(
        name="UTF-16",
        command=PLAN,
        code=2,
        files={"study.toml": "name = 'x'".encode("utf-16")},
        says=("readable study file",),
    ),
    Row(name="a zero byte", command=PLAN, code=2, files={"study.toml": b"name = 'a\x00'"}),
    Row(
        name="an escape in the name",
        command=PLAN,
        code=2,
        study={'"tiny"': '"a\\u001b]0;title\\u0007"'},
    ),
    Row(name="a newline in the name", command=PLAN, code=2, study={'"tiny"': '"a\\nb"'}),
    Row(name="a name that leads out", command=PLAN, code=2, study={'"tiny"': '"../../tiny"'}),
    Row(
        name="an unknown key",
        command=PLAN,
        code=2,
        study={"epochs": "epochen"},
        says=("Did you mean 'training.epochs'?",),
    ),
    Row(
        name="100 000 unknown keys",
        command=PLAN,
        code=2,
        files={"study.toml": b"".join(b"k%d = 1\n" % n for n in range(100_000))},
        says=("option of study.toml. Got 'k0'", "And 99"),
    ),
    Row(
        name="a key of two million letters",
        command=PLAN,
        code=2,
        files={"study.toml": b"k" * 2_000_000 + b" = 1\n"},
        says=("kkk...'",),
        never=("k" * 200,),
    ),
    Row(name="a key twice", command=PLAN, code=2, study={"width = 0.2": "width = 1\nwidth = 1"}),
    Row(name="a table as a list", command=PLAN, code=2, study={"[model]": "[[model]]"}),
    Row(name="a rate that is no number", command=PLAN, code=2, study={"0.05": "nan"}),
    Row(name="a rate without end", command=PLAN, code=2, study={"0.05": "inf"}),
    Row(name="epochs below 0", command=PLAN, code=2, study={"epochs = 2": "epochs = -2"}),
    Row(name="a number as text", command=PLAN, code=2, study={"epochs = 2": 'epochs = "2"'}),
    Row(name="a date", command=PLAN, code=2, study={"epochs = 2": "epochs = 1979-05-27"}),
    Row(name="a truth for a number", command=PLAN, code=2, study={"epochs = 2": "epochs = true"}),
    Row(name="one seed", command=PLAN, code=2, study={"[0, 1, 2]": "[0]"}),
    Row(name="a seed beyond 64 bits", command=PLAN, code=2, study={"[0, 1, 2]": f"[0, {2**70}]"}),
    Row(name="a seed twice", command=PLAN, code=2, study={"[0, 1, 2]": "[1, 1]"}),
    Row(name="ε of 1", command=PLAN, code=2, study={"[0.2, 0.5]": "[1.0]"}),
    Row(name="a pattern of nothing", command=PLAN, code=2, study={"features.relu4": "nope"}),
    Row(
        name="a module that is not there",
        command=PLAN,
        code=2,
        study={'"small_cnn"\nwidth = 0.2': '"no_such_module:model"'},
        says=("no_such_module",),
    ),
    Row(
        name="shell in the name of a module",
        command=PLAN,
        code=2,
        study={'"small_cnn"\nwidth = 0.2': '"os:system"\ncommand = "mkdir executed"'},
        says=("os:system",),
    ),
    Row(name="--set without a value", command=f"{PLAN} --set seeds", code=2),
    Row(name="--set below a value", command=f"{PLAN} --set name.of.it=1", code=2),
    Row(name="--set to nothing", command=f"{PLAN} --set name=", code=2),
    Row(
        name="networks that diverge",
        command=f"{INLINE} --set training.learning_rate=1e30",
        code=3,
        says=("Failed: seed 0: Expected finite numbers.",),
    ),
]

ARRAYS = [
    Row(name="no array", command="compare a.npy b.npy", code=2, says=("does not exist",)),
    Row(name="a folder as an array", command="compare tmp tmp", code=2),
    Row(
        name="an empty array file",
        command="compare a.npy a.npy",
        code=2,
        files={"a.npy": b""},
    ),
    Row(name="text as an array", command="compare a.npy a.npy", code=2, files={"a.npy": b"1 2 3"}),
    Row(
        name="an array that is cut off",
        command="compare a.npy a.npy",
        code=2,
        files={"a.npy": GOOD[:-9]},
    ),
    Row(
        name="a pickle in an array",
        command="compare a.npy a.npy",
        code=2,
        files={"a.npy": npy([Planted()], pickle=True)},
        never=("executed",),
    ),
    Row(
        name="a pickle among arrays",
        command="compare a.npz a.npz",
        code=2,
        files={"a.npz": npz(a=np.array([Planted()], dtype=object))},
    ),
    Row(
        name="NaN in an array",
        command="compare a.npy a.npy",
        code=2,
        files={"a.npy": npy([[1.0, np.nan]] * 9)},
        says=("finite",),
    ),
    Row(
        name="infinity in an array",
        command="compare a.npy a.npy",
        code=2,
        files={"a.npy": npy([[1.0, np.inf]] * 9)},
        says=("finite",),
    ),
    Row(
        name="arrays of other lengths",
        command="compare a.npy b.npy",
        code=2,
        files={"a.npy": GOOD, "b.npy": npy(np.ones((7, 2)))},
        says=("40", "7"),
    ),
    Row(name="one axis", command="compare a.npy a.npy", code=2, files={"a.npy": npy([1.0, 2.0])}),
    Row(
        name="complex numbers",
        command="compare a.npy a.npy",
        code=2,
        files={"a.npy": npy(np.ones((9, 2)) * 1j)},
    ),
    Row(
        name="words for numbers",
        command="compare a.npy a.npy",
        code=2,
        files={"a.npy": npy([["a", "b"]] * 9)},
    ),
    Row(
        name="a file of an unknown kind",
        command="compare a.csv a.csv",
        code=2,
        files={"a.csv": b"1,2"},
        says=(".npy",),
    ),
    Row(
        name="a folder that is no Zarr",
        command="compare a.zarr a.zarr",
        code=2,
        shell="mkdir a.zarr",
    ),
    Row(
        name="ε that is no number",
        command="compare a.npy a.npy --epsilon nan",
        code=2,
        files={"a.npy": GOOD},
    ),
    Row(
        name="a file where the output goes",
        command="compare a.npy a.npy --output taken",
        code=2,
        files={"a.npy": GOOD, "taken": b""},
    ),
]
