"""The image builder's refusals: an error names what is wrong and leaves no half-written image."""

import os

from harness import paths, test


def mkfs():
    return paths.built("host", "mkfs")


def write(folder, name, size):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(b"x" * size)
    return path


# name, options, files as {name: size}, what stderr must say
REFUSALS = [
    ("no-arguments", None, {}, r"(?i)usage"),
    ("absent-file", [], {"nowhere": None}, r"nowhere"),
    ("file-too-large", [], {"large": 268 * 1024 + 1}, r"large"),
    ("name-too-long", [], {"fifteen_letters": 1}, r"fifteen_letters"),
    ("disk-too-small", ["-b", "100"], {"f": 200 * 1024}, r"(?i)(space|full|small|block)"),
    ("too-many-files", ["-i", "16"], {f"f{n}": 1 for n in range(20)}, r"(?i)inode"),
    ("bad-number", ["-b", "many"], {}, r"many"),
]


def register(name, options, files, says):
    @test(f"mkfs/{name}", quick=True)
    def check(work):
        paths_given = [write(work.folder, file, size) if size is not None else os.path.join(work.folder, file)
                       for file, size in files.items()]
        image = os.path.join(work.folder, "out.img")
        done = work.run(mkfs(), *([image, *options, *paths_given] if options is not None else []))
        work.check(done.returncode != 0, "mkfs accepts it")
        work.matches(done.stderr + done.stdout, says, "the message")
        work.check(not os.path.exists(image), "an image is left behind")


for row in REFUSALS:
    register(*row)


@test("mkfs/same-image-twice", quick=True)
def same_twice(work):
    file = write(work.folder, "_f", 3000)
    images = [os.path.join(work.folder, name) for name in ("a.img", "b.img")]
    for image in images:
        work.equal(work.run(mkfs(), image, file).returncode, 0, "mkfs")
    contents = [open(image, "rb").read() for image in images]
    work.check(contents[0] == contents[1], "two images of the same files differ")
    work.equal(len(contents[0]), 2000 * 1024, "size")
