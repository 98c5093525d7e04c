"""Messages arrive whole, and what is no message is told from one."""

from __future__ import annotations

import io
import os
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck_cli.isolation.frames import Channel, Garbled
from gradcheck_cli.isolation.messages import CODEC, Step


def written(*messages: object) -> bytes:
    buffer = io.BytesIO()
    channel = Channel(CODEC, io.BytesIO(), buffer)
    for message in messages:
        channel.send(message)
    return buffer.getvalue()


def reader(content: bytes) -> Channel:
    return Channel(CODEC, io.BytesIO(content), io.BytesIO())


def test_messages_come_in_order_and_then_none() -> None:
    channel = reader(written(Step("one"), [np.arange(3)], Step("two")))
    assert channel.receive() == Step("one")
    assert channel.receive()[0].tolist() == [0, 1, 2]
    assert channel.receive() == Step("two")
    assert channel.receive() is None


@given(st.integers(min_value=1))
def test_a_stream_that_ends_within_a_message_is_told(cut: int) -> None:
    content = written([Step("one"), np.zeros(20)])
    with pytest.raises(Garbled):
        reader(content[: 1 + cut % (len(content) - 1)]).receive()


@given(st.binary(min_size=1, max_size=100))
def test_what_somebody_else_wrote_is_told(junk: bytes) -> None:
    with pytest.raises(Garbled):
        channel = reader(written(Step("one")) + junk + written(Step("two")))
        assert channel.receive() == Step("one")
        while channel.receive() is not None:
            pass


def test_a_length_beyond_reason_is_not_read() -> None:
    with pytest.raises(Garbled):
        reader(b"gck\x01" + b"\xff" * 12 + b"x").receive()


def test_threads_do_not_write_into_each_other() -> None:
    from_end, to_end = os.pipe()
    channel = Channel(CODEC, os.fdopen(from_end, "rb"), os.fdopen(to_end, "wb"))
    threads = [
        threading.Thread(target=lambda name=name: [channel.send([name, np.zeros(3000)]) for _ in range(20)])  # type: ignore[misc]
        for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    received = [channel.receive()[0] for _ in range(80)]
    for thread in threads:
        thread.join()
    assert sorted(received) == sorted("abcd" * 20)
