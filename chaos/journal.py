"""What was done and what was found, printed as it happens."""

import threading
import time


class Journal:
    """Many threads write; the main one reads `findings` at the end."""

    def __init__(self) -> None:
        self._began, self._began_at = time.monotonic(), time.time()
        self._lock = threading.Lock()
        self.findings: list[str] = []
        self.answers: dict[str, int] = {}

    def say(self, words: str) -> None:
        with self._lock:
            print(f"{time.monotonic() - self._began:7.1f} s  {words}", flush=True)

    def found(self, words: str) -> None:
        """Note something that must not be, once, however often it is seen."""
        if words not in self.findings:
            self.findings.append(words)
            self.say(f"FOUND: {words}")

    def since(self, at: float) -> float:
        """How far into the run a moment is, given in seconds since the epoch."""
        return at - self._began_at

    def count(self, answer: str) -> None:
        with self._lock:
            self.answers[answer] = self.answers.get(answer, 0) + 1
