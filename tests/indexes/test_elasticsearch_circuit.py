"""Nobody waits for a server that keeps failing; one caller at a time looks whether it is back."""

import threading

import pytest

from indexes.elasticsearch.circuit import OPEN_SECONDS, OPENS_AFTER, Circuit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    return Circuit(clock)


def fail(circuit: Circuit, times: int = OPENS_AFTER) -> None:
    for _ in range(times):
        circuit.failed()


def test_few_failures_change_nothing(circuit: Circuit) -> None:
    fail(circuit, OPENS_AFTER - 1)
    assert circuit.admits()
    circuit.succeeded()
    fail(circuit, OPENS_AFTER - 1)  # only those in a row count
    assert circuit.admits()


def test_it_opens_for_a_while(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    assert not circuit.admits()
    clock.now += OPEN_SECONDS - 0.01
    assert not circuit.admits()
    clock.now += 0.01
    assert circuit.admits()


def test_one_tries_and_the_others_wait_for_its_answer(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    clock.now += OPEN_SECONDS
    assert [circuit.admits() for _ in range(3)] == [True, False, False]
    circuit.succeeded()
    assert [circuit.admits() for _ in range(3)] == [True, True, True]


def test_a_try_that_fails_opens_it_again(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    clock.now += OPEN_SECONDS
    assert circuit.admits()
    clock.now += 1
    circuit.failed()
    clock.now += OPEN_SECONDS - 0.01
    assert not circuit.admits()
    clock.now += 0.01
    assert circuit.admits()


def test_a_try_that_never_ends_does_not_keep_it_open(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    clock.now += OPEN_SECONDS
    assert circuit.admits()  # and is never heard of again
    clock.now += OPEN_SECONDS
    assert circuit.admits()


def test_of_many_threads_one_is_admitted(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    clock.now += OPEN_SECONDS
    admitted: list[bool] = []
    threads = [
        threading.Thread(target=lambda: admitted.append(circuit.admits())) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(admitted) == [False] * 15 + [True]
