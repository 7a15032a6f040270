"""How long an auditor rests, by clocks that the test sets."""

from yupana_server.worker.share import Share


class Clocks:
    """A wall clock and a CPU clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.cpu = 3.0
        self.rested: list[float] = []

    def work(self, cpu_s: float, wait_s: float = 0.0) -> None:
        self.cpu += cpu_s
        self.now += cpu_s + wait_s

    async def sleep(self, seconds: float) -> None:
        self.rested.append(seconds)
        self.now += seconds

    def share(self, share: float) -> Share:
        return Share(share, clock=lambda: self.now, cpu=lambda: self.cpu, sleep=self.sleep)


async def test_rest_when_work_was_done_then_both_together_keep_the_share() -> None:
    clocks = Clocks()
    share, began_at, spent = clocks.share(0.2), clocks.now, clocks.cpu
    for cpu_s in (0.1, 0.03, 2.0):
        clocks.work(cpu_s)
        await share.rest()
        assert abs((clocks.cpu - spent) / (clocks.now - began_at) - 0.2) < 1e-9
    assert len(clocks.rested) == 3


async def test_rest_when_it_waited_for_the_database_then_that_was_rest() -> None:
    clocks = Clocks()
    share = clocks.share(0.25)
    clocks.work(1.0, wait_s=2.0)
    await share.rest()
    assert clocks.rested == [1.0]


async def test_rest_when_there_was_nothing_to_do_then_nothing_is_saved_for_later() -> None:
    clocks = Clocks()
    share = clocks.share(0.5)
    clocks.work(0.25, wait_s=3600.0)
    await share.rest()
    clocks.work(1.0)
    await share.rest()
    assert clocks.rested == [1.0]


async def test_rest_when_others_of_the_process_work_meanwhile_then_the_next_rest_is_longer() -> (
    None
):
    clocks = Clocks()
    share = clocks.share(0.5)
    clocks.work(1.0)
    await share.rest()
    clocks.cpu += 0.25
    clocks.work(1.0)
    await share.rest()
    assert clocks.rested == [1.0, 1.5]


async def test_rest_when_it_may_take_a_whole_core_then_it_never_rests() -> None:
    clocks = Clocks()
    share = clocks.share(1.0)
    clocks.work(1.0)
    await share.rest()
    assert clocks.rested == []
