"""Pictures of every mode as RGB, with exact pixel values."""

import numpy as np
import pytest
from PIL import Image

from repsim.data import load_data
from repsim.data.pictures import CONVERSION, read_rgb
from repsim.errors import InputError, StudyError
from tests.disk_formats import write_image_folder


def pixels(path):
    return np.asarray(read_rgb(path))


def mode(path):
    with Image.open(path) as picture:
        return picture.mode


def saved(tmp_path, picture, suffix=".png", **options):
    path = tmp_path / f"picture{suffix}"
    picture.save(path, **options)
    return path


def grey(values):
    return np.repeat(np.asarray(values, dtype=np.uint8)[..., None], 3, axis=-1)


SIXTEEN = np.array([[0, 255, 256, 257], [32767, 32768, 65279, 65535]], dtype=np.uint16)
UPPER = [[0, 0, 1, 1], [127, 128, 254, 255]]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_keep_their_upper_eight(tmp_path, suffix):
    path = saved(tmp_path, Image.fromarray(SIXTEEN), suffix)
    np.testing.assert_array_equal(pixels(path), grey(UPPER))


def test_big_endian_sixteen_bits(tmp_path):
    # TIFF by hand: Pillow writes the byte order of the machine.
    path = tmp_path / "picture.tif"
    entries = [
        (256, 4, 4),  # width
        (257, 4, 2),  # height
        (258, 3, 16 << 16),  # bits
        (259, 3, 1 << 16),  # no compression
        (262, 3, 1 << 16),  # black is zero
        (273, 4, 8),  # where the pixels are
        (277, 3, 1 << 16),  # one channel
        (278, 4, 2),  # rows
        (279, 4, 16),  # bytes
    ]
    head = b"MM\0*" + (24).to_bytes(4, "big") + SIXTEEN.astype(">u2").tobytes()
    directory = len(entries).to_bytes(2, "big") + b"".join(
        tag.to_bytes(2, "big")
        + kind.to_bytes(2, "big")
        + (1).to_bytes(4, "big")
        + value.to_bytes(4, "big")
        for tag, kind, value in entries
    )
    path.write_bytes(head + directory + bytes(4))
    assert mode(path) == "I;16B"
    np.testing.assert_array_equal(pixels(path), grey(UPPER))


def test_a_grey_map_of_sixteen_bits(tmp_path):
    path = tmp_path / "picture.pgm"
    path.write_bytes(b"P5 4 2 65535\n" + SIXTEEN.astype(">u2").tobytes())
    np.testing.assert_array_equal(pixels(path), grey(UPPER))


def test_a_grey_map_of_twelve_bits_is_scaled(tmp_path):
    path = tmp_path / "picture.pgm"
    path.write_bytes(b"P5 3 1 4095\n" + np.array([0, 2048, 4095], ">u2").tobytes())
    np.testing.assert_array_equal(pixels(path), grey([[0, 128, 255]]))


def test_grey_is_repeated(tmp_path):
    values = np.array([[0, 1], [128, 255]], dtype=np.uint8)
    np.testing.assert_array_equal(pixels(saved(tmp_path, Image.fromarray(values))), grey(values))


def test_one_bit_is_black_or_white(tmp_path):
    path = saved(tmp_path, Image.fromarray(np.array([[True, False]])))
    assert mode(path) == "1"
    np.testing.assert_array_equal(pixels(path), grey([[255, 0]]))


def test_colours_are_as_stored(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (3, 5, 3)).astype(np.uint8)
    np.testing.assert_array_equal(pixels(saved(tmp_path, Image.fromarray(values))), values)


PALETTE = [10, 20, 30, 200, 100, 0]


@pytest.mark.parametrize("transparency", [None, 0, bytes([0, 128])])
def test_a_palette_is_looked_up_and_its_transparency_dropped(tmp_path, transparency):
    picture = Image.fromarray(np.array([[0, 1]], dtype=np.uint8))
    picture = picture.convert("P")
    picture.putpalette(PALETTE)
    picture.putdata([0, 1])
    options = {} if transparency is None else {"transparency": transparency}
    path = saved(tmp_path, picture, **options)
    assert mode(path) == "P"
    np.testing.assert_array_equal(pixels(path), [[[10, 20, 30], [200, 100, 0]]])


def test_alpha_is_dropped_not_blended(tmp_path):
    colours = np.array([[[10, 20, 30, 0], [200, 100, 0, 128]]], dtype=np.uint8)
    np.testing.assert_array_equal(
        pixels(saved(tmp_path, Image.fromarray(colours))), colours[..., :3]
    )
    greys = np.array([[[7, 0], [90, 255]]], dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(greys))
    assert mode(path) == "LA"
    np.testing.assert_array_equal(pixels(path), grey([[7, 90]]))


def test_a_transparent_colour_stays(tmp_path):
    colours = np.array([[[10, 20, 30], [200, 100, 0]]], dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(colours), transparency=(10, 20, 30))
    np.testing.assert_array_equal(pixels(path), colours)


def test_inks_become_colours_without_a_profile(tmp_path):
    inks = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255], [0, 255, 51, 0]]], np.uint8)
    path = saved(tmp_path, Image.fromarray(inks, mode="CMYK"), ".tif")
    expected = [[[255, 255, 255], [0, 255, 255], [0, 0, 0], [255, 0, 204]]]
    np.testing.assert_array_equal(pixels(path), expected)


def test_orientation_is_ignored(tmp_path):
    values = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees for display
    path = saved(tmp_path, Image.fromarray(values), exif=exif)
    with Image.open(path) as picture:
        assert picture.getexif()[0x0112] == 6
    np.testing.assert_array_equal(pixels(path), values)


def test_the_first_of_several_frames_counts(tmp_path):
    first, second = (Image.fromarray(np.full((2, 2), n, np.uint8)) for n in (5, 9))
    path = saved(tmp_path, first, ".tif", save_all=True, append_images=[second])
    np.testing.assert_array_equal(pixels(path), grey(np.full((2, 2), 5)))


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), r"floating-point numbers \(Pillow's mode F\)"),
        (np.array([[0, 70000, 2]], np.int32), r"32-bit integers \(Pillow's mode I\)"),
    ],
)
def test_pixels_without_a_range_are_refused_before_anything_is_trained(tmp_path, values, what):
    path = saved(tmp_path, Image.fromarray(values), ".tif")
    with pytest.raises(InputError, match=rf"8 or 16 bits in {path}. Got {what}.*Scale it to 8"):
        read_rgb(path)
    write_image_folder(tmp_path / "tree")
    path.rename(tmp_path / "tree/val/n01443537/wrong.tif")
    source = load_data("imagenet", {"root": str(tmp_path / "tree"), "resize": 40, "crop": 32})
    with pytest.raises(InputError, match=rf"wrong.tif. Got {what}"):
        _ = source.fingerprint


def test_a_picture_that_is_none_is_named_before_anything_is_trained(tmp_path):
    write_image_folder(tmp_path)
    (tmp_path / "val/n01443537/empty.png").write_bytes(b"")
    source = load_data("imagenet", {"root": str(tmp_path), "resize": 40, "crop": 32})
    with pytest.raises(InputError, match=r"empty.png. Got UnidentifiedImageError"):
        _ = source.fingerprint


def test_the_fingerprint_names_the_conversion(tmp_path):
    write_image_folder(tmp_path)
    source = load_data("imagenet", {"root": str(tmp_path), "resize": 40, "crop": 32})
    assert source.preprocessing.startswith(CONVERSION)
    assert "EXIF orientation ignored" in CONVERSION


def loaded_ids(root):
    source = load_data("imagenet", {"root": str(root), "resize": 40, "crop": 32})
    return list(source.train.ids + source.test.ids)


@pytest.mark.parametrize("target", [".", "..", "../..", "../n01443537", "inner", "/"])
def test_links_add_no_image_twice(tmp_path, target):
    write_image_folder(tmp_path)
    inner = tmp_path / "train/n01440764/inner"
    inner.mkdir()
    Image.new("RGB", (50, 50)).save(inner / "one.png")
    before = loaded_ids(tmp_path)
    (tmp_path / "train/n01440764/a-link").symlink_to(target)
    assert loaded_ids(tmp_path) == before


def test_links_between_folders_of_a_class_end(tmp_path):
    write_image_folder(tmp_path)
    folder = tmp_path / "train/n01440764"
    for name, other in (("a", "b"), ("b", "a")):
        (folder / name).mkdir()
        (folder / name / "loop").symlink_to(folder / other)
    Image.new("RGB", (50, 50)).save(folder / "a/one.png")
    assert [name for name in loaded_ids(tmp_path) if "one.png" in name] == [
        "train/n01440764/a/one.png"
    ]


def test_links_that_lead_elsewhere_are_followed(tmp_path):
    root, pool = tmp_path / "root", tmp_path / "pool"
    write_image_folder(root)
    pool.mkdir()
    Image.new("RGB", (50, 50)).save(pool / "one.png")
    (root / "train/n01440764/more").symlink_to(pool)
    assert "train/n01440764/more/one.png" in loaded_ids(root)


def test_file_names_that_are_not_utf8_are_refused(tmp_path):
    write_image_folder(tmp_path)
    Image.new("RGB", (50, 50)).save(tmp_path / "train/n01440764/one.png")
    wrong = tmp_path / "train/n01440764/caf\udce9.png"
    (tmp_path / "train/n01440764/one.png").rename(wrong)
    with pytest.raises(
        StudyError, match=r"names of files in .*Got 'train/n01440764/caf\\udce9.png'"
    ):
        loaded_ids(tmp_path)
