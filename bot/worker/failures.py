"""What becomes of the insights of a case that Datadog does not take."""

from bot.model import State
from bot.services.context import Context
from bot.store import cases, jobs
from bot.store.cases import DeliveryResult
from bot.store.transaction import Job
from bot.store.work_items import WorkItem
from bot.worker.outcomes import Done


def failure(item: WorkItem, words: str) -> DeliveryResult:
    """What could not be added failed; what could not be taken off is still there."""
    return DeliveryResult(item, State.FAILED if item.state is State.CONFIRMED else State.ADDED, note=words)


async def all_failed(context: Context, job: Job, words: str) -> Done:
    """The end of all work on this case's insights."""
    case = jobs.case_of(job.key)
    async with context.store.read() as connection:
        todo = await cases.work(connection, *case)
    failed = [failure(item, words) for item in todo if not item.is_note]
    return Done(write=lambda tx: cases.settle(tx, failed, context.timing), case=case)


async def key_of(context: Context, case: tuple[str, str]) -> str:
    """What people call the case, as far as it is known."""
    async with context.store.read() as connection:
        stored = await cases.get(connection, *case)
    return stored.key if stored else case[1]
