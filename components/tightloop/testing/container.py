"""Apache Kafka in a container, through testcontainers (``pip install tightloop[containers]``).

The image is one with the contract of ``apache/kafka``: settings from ``KAFKA_*`` variables, started by
``/etc/kafka/docker/run``. Three listeners: with one alone, advertised as the host's port, produce works and
transactions hang, as the broker can't reach itself there.
"""

from __future__ import annotations

import io
import os
import tarfile
from typing import Any, Self

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from tightloop.broker.settings import container_settings

IMAGE = "apache/kafka:4.2.2"
IMAGE_VARIABLE = "TIGHTLOOP_TEST_KAFKA_IMAGE"
EXTERNAL, INTERNAL, CONTROLLER = 9092, 9094, 9093
SCRIPT = "/tmp/begin.sh"
READY = "Kafka Server started"
READY_S = 90


class KafkaContainer(DockerContainer):
    """``image``: by default the variable ``TIGHTLOOP_TEST_KAFKA_IMAGE``, else ``apache/kafka``. A context manager."""

    def __init__(self, image: str | None = None) -> None:
        super().__init__(image or os.environ.get(IMAGE_VARIABLE, IMAGE))
        self.with_exposed_ports(EXTERNAL)
        for name, value in _environment().items():
            self.with_env(name, value)
        # The advertised address is known once the port is mapped: the command waits for the script that says it.
        self.with_command(["sh", "-c", f"while [ ! -f {SCRIPT} ]; do sleep 0.1; done; exec sh {SCRIPT}"])

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients on this machine."""
        return f"{self.get_container_host_ip()}:{self.get_exposed_port(EXTERNAL)}"

    def start(self) -> Self:
        """Returns when it takes requests."""
        super().start()
        try:
            self._put(SCRIPT, _script(self.bootstrap))
            LogMessageWaitStrategy(READY).with_startup_timeout(READY_S).wait_until_ready(self)
        except BaseException:
            self.stop()
            raise
        return self

    def _put(self, path: str, text: str) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo(path.removeprefix("/tmp/"))
            entry.size, entry.mode = len(text), 0o755
            archive.addfile(entry, io.BytesIO(text.encode()))
        container: Any = self.get_wrapped_container()
        container.put_archive("/tmp", packed.getvalue())


def _script(bootstrap: str) -> str:
    """Other listeners advertise the container's own address."""
    own = "$(hostname -i | cut -d' ' -f1)"
    advertised = f"EXTERNAL://{bootstrap},INTERNAL://{own}:{INTERNAL}"
    return f'export KAFKA_ADVERTISED_LISTENERS="{advertised}"\nexec /etc/kafka/docker/run\n'


def _environment() -> dict[str, str]:
    settings = {
        **container_settings(),
        "listeners": f"EXTERNAL://:{EXTERNAL},INTERNAL://:{INTERNAL},CONTROLLER://:{CONTROLLER}",
        "listener.security.protocol.map": "EXTERNAL:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "INTERNAL",
        "controller.quorum.voters": f"1@localhost:{CONTROLLER}",
    }
    found = {f"KAFKA_{name.replace('.', '_').upper()}": value for name, value in settings.items()}
    return {"CLUSTER_ID": "tightloopTestCluster01", **found}
