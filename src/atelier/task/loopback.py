"""A place for the processes of one machine to find one another, out of reach of all other machines."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from torch.distributed import TCPStore

HOST = "127.0.0.1"


@contextmanager
def met(nodes: int) -> Iterator[None]:
    """Processes that are started in this block meet at this machine's own address, if all are on this machine.

    torch's own meeting point listens at every address of the machine, and asks nobody for a password; gloo and NCCL
    listen at the one that the machine's name leads to. Somebody who names a port or an interface wants it otherwise.
    """
    if nodes > 1 or "MASTER_PORT" in os.environ:
        yield
        return
    listener = socket.create_server((HOST, 0))
    port = int(listener.getsockname()[1])
    # The store takes the socket as its own, and listens as long as it is held here.
    store = TCPStore(HOST, port, is_master=True, wait_for_workers=False, master_listen_fd=listener.detach())
    loop = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), None)
    # A store that somebody else has opened, which for torch is the agent that started the processes.
    os.environ |= {"MASTER_ADDR": HOST, "MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        if loop is not None:
            os.environ.setdefault(name, loop)
    try:
        yield
    finally:
        del store
