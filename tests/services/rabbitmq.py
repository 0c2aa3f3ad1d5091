"""RabbitMQ from the system's own packages, with a node, ports, folders, cookie and epmd of its own."""

import contextlib
import os
import secrets
import subprocess
from pathlib import Path
from typing import ClassVar

import amqp

from tests.services.process import Server, find_program, free_port

BINARIES = "/usr/lib/rabbitmq/bin/"
# A tool of RabbitMQ starts an Erlang of its own, a second or more: so several virtual hosts at once.
HOSTS_AT_ONCE = 8
ADD_HOSTS = """
[begin
    rabbit_vhost:add(Name, <<"tests">>),
    rabbit_auth_backend_internal:set_permissions(<<"guest">>, Name, <<".*">>, <<".*">>, <<".*">>, <<"tests">>)
 end || Name <- [{names}]].
"""


class RabbitMQ(Server):
    """A node on loopback. Every test gets a virtual host of its own; durable queues survive `kill`."""

    name: ClassVar[str] = "rabbitmq"
    account: ClassVar[str | None] = "rabbitmq"

    def __init__(self) -> None:
        super().__init__()
        self.program = find_program("rabbitmq-server", BINARIES + "rabbitmq-server")
        self.control = str(Path(self.program).with_name("rabbitmqctl"))
        self.node = f"sverka-{secrets.token_hex(4)}@localhost"
        self.node_port, self.mapper_port = free_port(), free_port()
        self.mapper: subprocess.Popen[bytes] | None = None
        self.hosts: list[str] = []
        self.write("rabbitmq.conf", f"listeners.tcp.1 = 127.0.0.1:{self.port}\ndisk_free_limit.absolute = 50MB\n")
        self.write("enabled_plugins", "[].\n")
        self.write("rabbitmq-env.conf", "")

    def write(self, name: str, text: str) -> None:
        """A file of its configuration, readable to its account."""
        (self.folder / name).write_text(text)

    @property
    def command(self) -> list[str]:
        """The server in the foreground."""
        return [self.program]

    def environment(self) -> dict[str, str]:
        """Everything that would otherwise be shared with a RabbitMQ of the system."""
        folder = str(self.folder)
        return {
            **super().environment(),
            "PATH": os.pathsep.join(
                [str(Path(self.program).parent), os.environ.get("PATH", os.defpath), "/usr/bin", "/bin"]
            ),
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.node_port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/rabbitmq-env.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
            "ERL_EPMD_PORT": str(self.mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def start(self) -> None:
        """Start the port mapper of its own first: one that Erlang starts by itself would outlive it."""
        if self.mapper is None or self.mapper.poll() is not None:
            mapper = find_program("epmd", "/usr/bin/epmd")
            self.mapper = self.spawn([mapper, "-port", str(self.mapper_port)], self.folder / "epmd.log")
        super().start()

    def answers(self) -> bool:
        """True as soon as a client gets through the handshake."""
        try:
            connection = amqp.Connection(f"127.0.0.1:{self.port}", connect_timeout=2, read_timeout=5, write_timeout=5)
            connection.connect()
        except (OSError, amqp.exceptions.AMQPError):
            return False
        with contextlib.suppress(OSError):
            connection.close()
        return True

    def virtual_host(self) -> str:
        """The name of a virtual host that nobody has used."""
        if not self.hosts:
            self.hosts = [f"t_{secrets.token_hex(4)}" for _ in range(HOSTS_AT_ONCE)]
            names = ", ".join(f'<<"{name}">>' for name in self.hosts)
            self.run(self.control, "eval", ADD_HOSTS.format(names=names))
        return self.hosts.pop()

    def url(self, host: str) -> str:
        """For `[broker] url`."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{host}"

    def remove(self) -> None:
        """End the node and its port mapper."""
        if self.mapper is not None:
            self.forget(self.mapper)
        super().remove()
