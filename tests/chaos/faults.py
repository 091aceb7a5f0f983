"""What goes wrong, drawn from a seed: operators, processes, Valkey, PostgreSQL, connections."""

import contextlib
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from random import Random

import httpx2
import psycopg
import redis

from tests.stack import Stack
from tests.survival import witness

OPERATIONS = ("prepare", "validate", "confirm", "retrieve", "cancel", "create_refund", "message")
LOST = ("timeout_before", "timeout_after", "error_after", "late")
GARBLED = ("error_500", "error_502", "error_503", "error_429", "garbage", "empty", "slow")


@dataclass
class Saboteur:
    """Strikes with one fault at a time and says which."""

    stack: Stack
    dice: Random
    _thaws: list[threading.Thread] = field(default_factory=list)

    def strike(self) -> str:
        """Do one harm; returns what it was."""
        kinds = [
            (25, self._operator),
            (30, self._kill),
            (15, self._valkey),
            (10, self._postgres),
            (12, self._freeze),
            (8, self._forge),
        ]
        weights = [weight for weight, _ in kinds]
        # What is being restarted right now cannot be hit: then something else is.
        for _ in range(10):
            [(_, harm)] = self.dice.choices(kinds, weights)
            with contextlib.suppress(
                LookupError, OSError, httpx2.HTTPError, psycopg.Error, redis.RedisError
            ):
                return harm()
        return "nothing could be hit"

    def _operator(self) -> str:
        order: dict[str, object] = {
            "operation": self.dice.choice(OPERATIONS),
            "mode": self.dice.choice(LOST if self.dice.random() < 0.6 else GARBLED),
            "times": self.dice.randint(1, 3),
            "seconds": self.dice.randint(1, 12),
        }
        if self.dice.random() < 0.2:
            order = {"operation": "event", "mode": self.dice.choice(["drop", "duplicate", "late"])}
            order |= {"times": self.dice.randint(1, 5)}
        witness.fault(self.stack, **order)
        return f"operator: {order['operation']} {order['mode']} ×{order['times']}"

    def _kill(self) -> str:
        name = self.dice.choice(["web", "web", "worker", "worker", "beat", "operator"])
        child = self.dice.choice([True, False]) and name in {"web", "worker"}
        if child:
            pid = self.dice.choice(_children(self.stack.pid_of(name)))
            os.kill(pid, signal.SIGKILL)
            return f"kill -9 of a {name} child"
        self.stack.kill_program(name)
        return f"kill -9 of {name}"

    def _valkey(self) -> str:
        harm = self.dice.choice(["kill", "flush", "flush", "clients"])
        if harm == "kill":
            self.stack.kill_program("valkey")
            return "kill -9 of Valkey"
        with _valkey(self.stack) as connection:
            if harm == "flush":
                connection.flushall()
                return "FLUSHALL"
            connection.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            return "Valkey drops every connection"

    def _postgres(self) -> str:
        if self.dice.random() < 0.4:
            os.kill(self.stack.pid_of("postgres"), signal.SIGKILL)
            return "kill -9 of the postmaster"
        address = self.stack.environment["DATABASE_URL"]
        with psycopg.connect(address, autocommit=True) as database:
            database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        return "PostgreSQL ends every connection"

    def _freeze(self) -> str:
        """A black hole: the program holds its connections and says nothing."""
        name = self.dice.choice(["operator", "worker", "valkey"])
        seconds = self.dice.uniform(1, 10)
        group = self.stack.pid_of(name)
        os.killpg(group, signal.SIGSTOP)

        def thaw() -> None:
            time.sleep(seconds)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGCONT)

        self._thaws.append(threading.Thread(target=thaw))
        self._thaws[-1].start()
        return f"{name} hangs for {seconds:.0f} s"

    def _forge(self) -> str:
        """Events nobody of the operator sent, for payments that exist."""
        with psycopg.connect(self.stack.environment["DATABASE_URL"]) as database:
            found = database.execute(
                "SELECT carrier_tx FROM payments_carriercall WHERE carrier_tx <> ''"
                " ORDER BY id DESC LIMIT 5"
            ).fetchall()
        for (carrier_tx,) in found:
            event = {"id": f"forged-{self.dice.random()}", "data": {"paymentId": carrier_tx}}
            answer = httpx2.post(
                f"{self.stack.portal}/carrier/events/",
                json={**event, "type": "org.camaraproject.carrier-billing.v0.payment-completed"},
                headers={"Authorization": "Bearer forged"},
            )
            if answer.status_code == 204:
                raise AssertionError("a forged event was accepted")
        return f"{len(found)} forged events"

    def heal(self) -> None:
        """Take back what has not happened yet; returns when the operator answers again."""
        for thaw in self._thaws:
            thaw.join()
        for _ in range(100):
            with contextlib.suppress(httpx2.HTTPError):
                witness.behave(self.stack)
                return
            time.sleep(0.3)
        raise AssertionError("the operator did not come back")


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def _valkey(stack: Stack) -> redis.Redis:
    address = stack.environment["REDIS_URL"].replace("redis+socket://", "unix://")
    return redis.Redis.from_url(address.replace("virtual_host=", "db="), socket_timeout=3)
