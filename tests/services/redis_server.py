"""Redis from the system's own packages."""

from typing import ClassVar

import redis

from tests.services.process import Server, find_program


class Redis(Server):
    """A server on loopback with an append-only file: what it has acknowledged survives `kill`."""

    name: ClassVar[str] = "redis"

    def __init__(self) -> None:
        super().__init__()
        self.program = find_program("redis-server", "/usr/bin/redis-server")

    @property
    def command(self) -> list[str]:
        """The server in the foreground."""
        options = f"--bind 127.0.0.1 --port {self.port} --dir {self.folder} --appendonly yes"
        return [self.program, *options.split(), "--save", ""]

    @property
    def url(self) -> str:
        """For `[broker] url`."""
        return f"redis://127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        """True as soon as it has loaded its data and answers."""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def empty(self) -> None:
        """Forget everything."""
        with redis.Redis.from_url(self.url, socket_timeout=10) as client:
            client.flushall()
