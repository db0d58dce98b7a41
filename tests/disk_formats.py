"""Writers of small datasets in the form that the published ones have on disk."""

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
from PIL import Image

CIFAR_FOLDER = "cifar-10-batches-py"
CIFAR_LABELS = (
    "airplane automobile bird cat deer dog frog horse ship truck".split()  # noqa: SIM905
)


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes as Python 2 did, and numpy by the module names of its time."""

    dispatch = dict(pickle._Pickler.dispatch)  # noqa: RUF012

    def save_string(self, text):
        raw = text.encode("latin1") if isinstance(text, str) else text
        if len(raw) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(raw)]) + raw)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(raw)) + raw)
        self.memoize(text)

    dispatch[str] = save_string
    dispatch[bytes] = save_string

    def save_global(self, obj, name=None):
        if obj.__module__ == "numpy._core.multiarray":
            self.write(pickle.GLOBAL + b"numpy.core.multiarray\n" + obj.__name__.encode() + b"\n")
            self.memoize(obj)
        else:
            super().save_global(obj, name)

    dispatch[type(lambda: None)] = save_global


def write_cifar_batch(path: Path, images: np.ndarray, label: str, **labels: np.ndarray) -> None:
    """One batch file: images uint8 (n, 3, 32, 32), and labels (n,) by the name of their field."""
    content = {
        "batch_label": label,
        **{field: [int(value) for value in values] for field, values in labels.items()},
        "data": np.ascontiguousarray(images.reshape(len(images), -1)),
        "filenames": [f"picture_{row}.png" for row in range(len(images))],
    }
    with path.open("wb") as file:
        Python2Pickler(file, protocol=2).dump(content)


def write_cifar10(
    root: Path, *, per_batch: int = 20, seed: int = 0
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """A CIFAR-10 tree of `per_batch` images in each of the six files.

    Every class has a colour of its own under some noise, so that a network can learn them.
    Returns images uint8 (n, 3, 32, 32) and labels int64 (n,) of "train" and "test".
    """
    folder = root / CIFAR_FOLDER
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    colours = random.integers(0, 256, size=(10, 3, 1, 1))
    written: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"train": [], "test": []}
    for number in range(1, 7):
        labels = random.permutation(np.arange(per_batch) % 10)
        noise = random.integers(-40, 41, size=(per_batch, 3, 32, 32))
        images = np.clip(colours[labels] + noise, 0, 255).astype(np.uint8)
        name = f"data_batch_{number}" if number < 6 else "test_batch"
        label = f"training batch {number} of 5" if number < 6 else "testing batch 1 of 1"
        write_cifar_batch(folder / name, images, label, labels=labels)
        written["train" if number < 6 else "test"].append((images, labels))
    meta = {"num_cases_per_batch": per_batch, "label_names": CIFAR_LABELS, "num_vis": 3072}
    with (folder / "batches.meta").open("wb") as file:
        Python2Pickler(file, protocol=2).dump(meta)
    return {
        part: (np.concatenate([i for i, _ in batches]), np.concatenate([n for _, n in batches]))
        for part, batches in written.items()
    }


def write_cifar100(
    root: Path, *, train: int = 120, test: int = 40, binary: bool = False, seed: int = 0
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """A CIFAR-100 tree, in the pickled or the binary version.

    Returns images uint8 (n, 3, 32, 32), coarse and fine labels int64 (n,) of "train" and "test".
    """
    folder = root / ("cifar-100-binary" if binary else "cifar-100-python")
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    written = {}
    for part, count in (("train", train), ("test", test)):
        images = random.integers(0, 256, size=(count, 3, 32, 32), dtype=np.uint8)
        fine = random.permutation(np.arange(count) % 100)
        coarse = fine % 20
        if binary:
            rows = np.column_stack([coarse, fine, images.reshape(count, -1)]).astype(np.uint8)
            (folder / f"{part}.bin").write_bytes(rows.tobytes())
        else:
            label = f"{part}ing batch 1 of 1"
            write_cifar_batch(folder / part, images, label, coarse_labels=coarse, fine_labels=fine)
        written[part] = images, coarse, fine
    return written


def write_mnist(
    folder: Path, *, train: int = 60, test: int = 30, compressed: bool = False, seed: int = 0
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The four idx files of MNIST; returns images uint8 (n, 28, 28) and labels uint8 (n,)."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    written = {}
    for part, name, count in (("train", "train", train), ("test", "t10k", test)):
        images = random.integers(0, 256, size=(count, 28, 28), dtype=np.uint8)
        labels = random.permutation(np.arange(count) % 10).astype(np.uint8)
        for array, file in ((images, "images-idx3-ubyte"), (labels, "labels-idx1-ubyte")):
            write_idx(folder / f"{name}-{file}{'.gz' * compressed}", array)
        written[part] = images, labels
    return written


def write_idx(path: Path, array: np.ndarray) -> None:
    """An idx file of unsigned bytes; compressed where it is named so."""
    header = struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape)
    content = header + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_image_folder(
    root: Path,
    *,
    classes: tuple[str, ...] = ("n01440764", "n01443537", "n01484850"),
    train: int = 4,
    val: int = 2,
    seed: int = 0,
) -> list[str]:
    """An ImageNet tree of JPEGs of various sizes; every class has a colour of its own.

    Returns the paths of the images below `root`, sorted within train and val.
    """
    random = np.random.default_rng(seed)
    colours = random.integers(0, 256, size=(len(classes), 3))
    written = []
    for split, count in (("train", train), ("val", val)):
        for colour, name in zip(colours, classes, strict=True):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                height, width = random.integers(40, 90, size=2)
                noise = random.integers(-60, 61, size=(height, width, 3))
                pixels = np.clip(colour + noise, 0, 255).astype(np.uint8)
                path = folder / f"{name}_{number:03d}.JPEG"
                Image.fromarray(pixels).save(path, format="JPEG", quality=95)
                written.append(path.relative_to(root).as_posix())
    return written


def write_text(folder: Path, lines: int = 600) -> None:
    """Files in the form of PTB and WikiText-2: words between spaces, a line for each sentence."""
    folder.mkdir()
    words = ["the", "cat", "<unk>", "sat", "on", "N", "mats", "@-@", "."]
    for part, count in {"train": lines, "valid": lines // 3, "test": lines // 3}.items():
        draws = np.random.default_rng(count).choice(words, size=(count, 9))
        text = "".join(f" {' '.join(line)} \n" for line in draws)
        (folder / f"{folder.name}.{part}.txt").write_text(text)
