"""Signals: the first lets the batch in hand finish, the second ends the process at once.

Work runs in a thread and the main thread does nothing but take signals: a handler would not run while the
main thread sits in a long matrix product.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

# timeout(1) sends its signal twice, to the command and to its group: that is one wish, not impatience.
TOGETHER = 0.2  # seconds
ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """The run ends of a signal. No Exception: a tool's own handlers must not catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number

    @classmethod
    def pipe(cls) -> Interrupted:
        return cls(signal.SIGPIPE)

    @property
    def by_pipe(self) -> bool:
        """Nobody reads what would still be written."""
        return self.number == signal.SIGPIPE


def die_of(number: int) -> NoReturn:
    """End this process by the signal itself, as a shell expects of a program that was interrupted."""
    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # not reached: the default action of each of these is to end the process


class Signals:
    """Watches for INT, TERM and HUP; one that was ignored on entry (nohup) stays ignored. USR1 asks how far the run is."""

    def __init__(self, discard: Callable[[], None]) -> None:
        """`discard` runs before a second signal ends the process: it removes what is half written."""
        self.discard = discard
        self.tell: Callable[[], None] = lambda: None  # what USR1 does
        self.received: int | None = None
        self._at = 0.0
        self.wake, self._waker = os.pipe()  # readable from the first signal on
        os.set_blocking(self._waker, False)

    def listen(self) -> None:
        """From the main thread only."""
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._take)
        if signal.getsignal(signal.SIGUSR1) is not signal.SIG_IGN:
            signal.signal(signal.SIGUSR1, lambda _number, _frame: self.tell())

    def _take(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self.received is not None:
            if now - self._at < TOGETHER:
                return
            with suppress(OSError):
                self.discard()
            die_of(number)
        self.received, self._at = number, now
        os.write(self._waker, b"!")

    def check(self) -> None:
        """Raise Interrupted once a signal has come."""
        if self.received is not None:
            raise Interrupted(self.received)

    def attend(self, work: Callable[[], int]) -> int:
        """Run `work` in a thread and take signals meanwhile; its result, or what it raised."""
        outcome: list[int | BaseException] = []
        done = threading.Event()

        def body() -> None:
            try:
                outcome.append(work())
            except BaseException as error:  # noqa: BLE001 - raised again in the main thread
                outcome.append(error)
            finally:
                done.set()

        threading.Thread(target=body, name="work", daemon=True).start()
        done.wait()
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]
