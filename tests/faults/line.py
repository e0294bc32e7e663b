"""A cable between this machine and a place far away (a network namespace) that loses what it is told to lose.

Every packet, of both directions, passes through this process. So nothing of the kernel is needed but namespaces and
TUN devices: netem, which would do the same, is missing from many kernels."""

import ctypes
import fcntl
import os
import select
import struct
import subprocess
from pathlib import Path
from random import Random
from threading import Thread

import pytest

NEAR, FAR = "198.19.77.1", "198.19.77.2"  # of the block that is kept for measuring
PLACE, NEAR_END, FAR_END = "yichuang-far", "yichuang-n", "yichuang-f"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
BIGGEST = 65535


class Line:
    def __init__(self, seed: int = 1) -> None:
        self.loss = 0.0  # the share of packets that never arrives; 1 is a cut
        self.passed = self.lost = 0
        self.chance = Random(seed)
        self.ends: list[int] = []
        try:
            self.lay()
        except (OSError, subprocess.CalledProcessError) as error:
            self.remove()
            told = getattr(error, "stderr", b"") or str(error).encode()
            pytest.skip(f"network namespaces and TUN devices are not permitted here: {told.decode().strip()}")
        self.pump = Thread(target=self.carry, daemon=True)
        self.pump.start()

    def lay(self) -> None:
        ip("netns", "add", PLACE)
        self.ends = [tun(NEAR_END), tun(FAR_END)]
        ip("link", "set", FAR_END, "netns", PLACE)
        ip("address", "add", NEAR, "peer", FAR, "dev", NEAR_END)
        ip("link", "set", NEAR_END, "up")
        ip("-n", PLACE, "address", "add", FAR, "peer", NEAR, "dev", FAR_END)
        ip("-n", PLACE, "link", "set", FAR_END, "up")

    def carry(self) -> None:
        near, far = ends = list(self.ends)
        while self.ends:
            for end in select.select(ends, [], [], 0.1)[0]:
                try:
                    packet = os.read(end, BIGGEST)
                    if self.chance.random() < self.loss:
                        self.lost += 1
                    else:
                        self.passed += 1
                        os.write(far if end == near else near, packet)
                except OSError:
                    if self.ends:
                        continue  # nobody is there to take it
        for end in ends:
            os.close(end)

    def go_there(self) -> None:
        """From now on this thread, and those it starts, open their sockets at the far end."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/run/netns/{PLACE}").open() as place:
            if libc.setns(place.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def remove(self) -> None:
        laid, self.ends = self.ends, []
        if hasattr(self, "pump"):
            self.pump.join()
        else:
            for end in laid:
                os.close(end)
        subprocess.run(["ip", "netns", "delete", PLACE], capture_output=True)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def tun(name: str) -> int:
    """A network device whose packets are read and written here."""
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return end
