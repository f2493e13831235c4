"""Images in shards: each once, in an order that neither ranks nor workers change, and nothing that is run."""

from __future__ import annotations

import io
import json
import tarfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from atelier.data.batches import TrainingBatches
from atelier.data.shard_batches import mixed
from atelier.data.shard_store import addresses
from atelier.data.shards import ShardData
from atelier.types import ImageBatch, Mistake

PER_SHARD = 6


def picture(level: int) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (8, 8), (level, level, level)).save(made, "PNG")
    return made.getvalue()


def tar(members: dict[str, bytes], mode: str = "w") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def shard(number: int, count: int = PER_SHARD) -> bytes:
    """Samples whose grey level is their number over all shards, and whose class is the shard."""
    members = {}
    for place in range(count):
        level = number * PER_SHARD + place
        members |= {f"{level:04d}.json": b"{}", f"{level:04d}.png": picture(level), f"{level:04d}.cls": b"%d" % number}
    return tar(members)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        (tmp_path / f"train-{number:03d}.tar").write_bytes(shard(number))
    (tmp_path / "test-000.tar").write_bytes(shard(5))
    return tmp_path


def data(folder: Path | str, **choices: Any) -> ShardData:
    usual: dict[str, Any] = {
        "urls": f"{folder}/train-{{000..003}}.tar", "eval_urls": f"{folder}/test-000.tar", "image_size": 8,
        "channels": 1, "window": 2, "keep": 2, "batch_size": 4, "eval_batch_size": 4, "seed": 3, "workers": 0,
        "flip": False, "eval_split": "test", "facts": {"kind": "single"},
    }  # fmt: skip
    return ShardData(**(usual | choices))


def epoch(made: ShardData, number: int = 0, start: int = 0, rank: int = 0, world: int = 1) -> list[ImageBatch]:
    made.trainer = SimpleNamespace(global_rank=rank, world_size=world, training=True)
    made.setup("fit")
    loader = made.train_dataloader()
    loader.sampler.set_epoch(number)
    if start:
        loader.load_state_dict({"step": start, "batches": len(loader)})
    return list(loader)


def levels(batches: list[ImageBatch]) -> list[list[int]]:
    return [batch.images[:, 0, 0, 0].tolist() for batch in batches]


def test_each_sample_stands_once_in_an_epoch_over_all_ranks(folder: Path) -> None:
    alone = levels(epoch(data(folder)))
    assert sorted(level for batch in alone for level in batch) == list(range(24))
    ranks = [levels(epoch(data(folder), rank=rank, world=2)) for rank in range(2)]
    assert [first + second for first, second in zip(*ranks, strict=True)] == alone
    assert levels(epoch(data(folder), number=1)) != alone != levels(epoch(data(folder, seed=4)))


def test_labels_and_indices_belong_to_their_pictures(folder: Path) -> None:
    for batch in epoch(data(folder)):
        assert torch.equal(batch.images[:, 0, 0, 0].long(), batch.indices)
        assert torch.equal(batch.labels, batch.indices // PER_SHARD)


def test_workers_change_nothing(folder: Path) -> None:
    one, two = epoch(data(folder), number=1), epoch(data(folder, workers=2), number=1)
    assert levels(one) == levels(two)
    assert [(batch.step, batch.epoch) for batch in one] == [(batch.step, batch.epoch) for batch in two]


def test_a_run_goes_on_at_any_step(folder: Path) -> None:
    whole = epoch(data(folder), number=1)
    for workers in (0, 2):
        rest = epoch(data(folder, workers=workers), number=1, start=9)
        assert levels(rest) == levels(whole[3:]) and [batch.step for batch in rest] == [9, 10, 11]


def test_no_more_shards_are_needed_at_a_time_than_the_window() -> None:
    counts = [5, 7, 3, 6, 4, 8]
    order = mixed(counts, 2, seed=1, epoch=0)
    assert sorted(order.tolist()) == list(range(33))
    of = np.repeat(np.arange(6), counts)[order]
    seen, position = [], 0
    while position < len(of):
        pair = list(dict.fromkeys(of[position:].tolist()))[:2]
        size = sum(counts[one] for one in pair)
        assert set(of[position : position + size]) == set(pair)
        seen, position = [*seen, *pair], position + size
    assert sorted(seen) == list(range(6))
    assert not np.array_equal(order, mixed(counts, 2, seed=1, epoch=1))


def test_what_is_left_of_the_last_batch_is_dropped() -> None:
    draws = list(TrainingBatches(partial(mixed, [5, 6], 1, 0), 11, 4))
    assert [len(draw.indices) for draw in draws] == [4, 4]


def test_reals_and_validation_go_through_every_image_once(folder: Path) -> None:
    made = data(folder)
    assert torch.cat([batch.images for batch in made.reals("test")])[:, 0, 0, 0].tolist() == list(range(30, 36))
    assert (made.size("train"), made.size("test")) == (24, 6)
    seen = [batch.images[:, 0, 0, 0].tolist() for batch in made.val_dataloader()]
    assert sorted(level for batch in seen for level in batch) == list(range(30, 36))
    assert made.fingerprint("train") == data(folder).fingerprint("train") != made.fingerprint("test")


def test_shards_of_the_web_are_fetched_and_few_are_kept(folder: Path, web: Any, cache: Path) -> None:
    for number in range(4):
        content = (folder / f"train-{number:03d}.tar").read_bytes()
        web.pages[f"/train-{number:03d}.tar"] = web.page(content, kind="application/x-tar")
    remote = data(folder, urls=web.address("/train-{000..003}.tar"))
    assert levels(epoch(remote)) == levels(epoch(data(folder)))
    assert len(list((cache / "shards").glob("*.tar"))) == 2
    asked = len(web.asked)
    again = data(folder, urls=web.address("/train-{000..003}.tar"))
    assert len(again.split("train")) == 24 and len(web.asked) == asked, "counted once"
    lost = data(folder, urls=web.address("/nowhere.tar"))
    with pytest.raises(Mistake, match=r"nowhere\.tar: cannot be fetched"):
        lost.prepare_data()


@pytest.mark.parametrize(
    "url",
    ["pipe:touch ran", "pipe:cat {a,b}", "s3://bucket/a.tar", "gs://a.tar", "file:///etc/passwd", "ftp://a/b.tar"],
)
def test_only_files_and_http_are_opened(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Mistake, match=r"data\.urls=.*local files or http\(s\) addresses"):
        addresses(url, "data.urls")
    assert list(tmp_path.iterdir()) == []


def test_a_shard_that_changes_at_its_address_is_counted_anew(web: Any, folder: Path, cache: Path) -> None:
    web.pages["/train-000.tar"] = web.page(shard(0))
    choices: dict[str, Any] = {"urls": web.address("/train-000.tar"), "batch_size": 2}
    first = levels(epoch(data(folder, **choices)))
    [tarball] = cache.rglob("*.tar")
    tarball.unlink()
    assert levels(epoch(data(folder, **choices))) == first  # fetched anew, and as it was
    tarball.unlink()
    web.pages["/train-000.tar"] = web.page(shard(1, count=8), etag='"2"')
    with pytest.raises(Mistake, match="this shard has changed at its address"):
        epoch(data(folder, **choices))
    seen = levels(epoch(data(folder, **choices)))
    assert sorted(level for batch in seen for level in batch) == list(range(6, 14))


def test_names_of_many_shards(folder: Path) -> None:
    four = addresses(f"{folder}/train-{{000..003}}.tar", "data.urls")
    assert four == addresses(f"{folder}/train-*.tar", "data.urls")
    assert [Path(one).name for one in addresses(f"{folder}/{{train,test}}-000.tar", "data.urls")] == [
        "train-000.tar",
        "test-000.tar",
    ]
    with pytest.raises(Mistake, match=r"data\.urls=.*train-004\.tar: there is no such file"):
        addresses(f"{folder}/train-{{003..004}}.tar", "data.urls")
    with pytest.raises(Mistake, match=r"\{003\.\.000\}: shards are counted upwards; write \{000\.\.003\}"):
        addresses(f"{folder}/train-{{003..000}}.tar", "data.urls")


def test_hostile_members_are_left_alone(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    code = b'cbuiltins\nexec\n(S\'open("ran", "w")\'\ntR.'
    members = {
        "a.pyd": code, "a.png": picture(1), "b.pth": code, "c.png": b"no picture", "d.png": picture(2),
        "../e.png": picture(3), "/f.png": picture(4), ".g.png": picture(9), "d.cls": b"9" * 30,
    }  # fmt: skip
    (folder / "bad.tar").write_bytes(tar(members))
    made = data(folder, urls=f"{folder}/bad.tar", batch_size=5)
    (batch,) = epoch(made)
    assert sorted(batch.images[:, 0, 0, 0].tolist()) == [1, 2, 2, 3, 4]
    assert batch.labels is None
    assert "b (no JPEG, PNG or WebP)" in caplog.text and "bad.tar: c cannot be read" in caplog.text
    assert not (folder / "ran").exists() and not Path("ran").exists()


def test_the_environment_decides_how_large_a_picture_may_be(
    folder: Path, web: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also of a shard that was counted before under another word."""
    large = picture(2) + bytes(9 * 10**6)
    content = tar({"a.png": picture(1), "b.png": large})
    (folder / "large.tar").write_bytes(content)
    web.pages["/large.tar"] = web.page(content, kind="application/x-tar")
    for urls in (f"{folder}/large.tar", web.address("/large.tar")):
        for megapixels, count in ((2, 2), (1, 1)):
            monkeypatch.setenv("ATELIER_MEGAPIXELS", f"{megapixels}")
            assert len(data(folder, urls=urls).split("train")) == count
    assert f"b.png ({len(large):,} bytes are no picture)" in caplog.text


def test_shards_that_are_cut_off_or_no_shards(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "cut.tar").write_bytes(shard(1)[:4000])
    made = data(folder, urls=f"{folder}/cut.tar", batch_size=1)
    assert 1 <= len(epoch(made)) < PER_SHARD
    assert "cut.tar" in caplog.text
    (folder / "text.tar").write_text("words")
    (folder / "packed.tar").write_bytes(tar({"a.png": picture(1)}, "w:gz"))
    (folder / "empty.tar").write_bytes(tar({"a.txt": b"x"}))
    for name, said in (("text", "no uncompressed tar"), ("packed", "no uncompressed tar"), ("empty", "no sample")):
        with pytest.raises(Mistake, match=rf"{name}\.tar: {said}"):
            data(folder, urls=f"{folder}/{name}.tar").prepare_data()


def test_stated_sizes_are_believed_until_the_shard_is_read(folder: Path) -> None:
    (folder / "sizes.json").write_text(json.dumps({f"train-{number:03d}.tar": 6 for number in range(4)}))
    assert len(data(folder).split("train")) == 24
    (folder / "sizes.json").write_text(json.dumps({"train-000.tar": 7}))
    with pytest.raises(Mistake, match=r"train-000\.tar: sizes\.json beside it says 7 samples, and it holds 6"):
        epoch(data(folder, urls=f"{folder}/train-000.tar"))
    (folder / "sizes.json").write_text("[")
    with pytest.raises(Mistake, match=r"sizes\.json: not a table"):
        data(folder).prepare_data()


@pytest.mark.parametrize(
    ("choices", "text"),
    [({"window": 0}, r"data\.window=0"), ({"keep": 1}, r"data\.keep=1: at least data\.window=2"), ({"urls": []}, "=")],
)
def test_choices_that_cannot_be_are_named(choices: dict[str, Any], text: str, folder: Path) -> None:
    with pytest.raises(Mistake, match=text):
        data(folder, **choices).prepare_data()
