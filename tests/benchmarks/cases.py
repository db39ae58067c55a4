"""Many insights that were confirmed while the bot was down: how many PUTs, how fast, with 1, 2 and 4 replicas."""

import contextlib

from sqlalchemy import insert

from bot.model import Case, State
from bot.store import cases, jobs, now
from bot.store import schema as tables
from bot.store.transaction import JobKind
from tests import postgres
from tests.benchmarks import peers
from tests.benchmarks.measure import Row
from tests.e2e.bench import GET, PUT, Bench

CASES, EACH = 100, 100
ORG = "default"


async def run() -> list[Row]:
    found = [await _delivered("SQLite", 1, {})]
    with contextlib.suppress(postgres.NoPostgres), postgres.server() as server:
        for replicas in (1, 2):
            url = postgres.create(server, f"cases{replicas}")
            found.append(await _delivered("PostgreSQL", replicas, {"DATABASE_URL": url}))
            postgres.drop(server, f"cases{replicas}")
    return found


async def _delivered(database: str, replicas: int, settings: dict[str, str]) -> Row:
    async with peers.bot(replicas=replicas, settings=settings) as b:
        await _confirm(b)
        total = CASES * EACH
        await b.control.until(lambda: sum(len(case.insights) for case in b.datadog.cases) == total, timeout=60)
        await b.handled()
        puts = b.calls(PUT)
        seconds = puts[-1].at - puts[0].at
        more = {"insights_per_second": round(total / seconds), "seconds": round(seconds, 2), "GETs": len(b.calls(GET))}
        name = f"{total:,} insights over {CASES} cases, {database}, {replicas} replica{'s' * (replicas > 1)}"
        return Row(name, "PUTs", len(puts), CASES, holds=len(puts) == CASES, goal=f"exactly {CASES}", more=more)


async def _confirm(b: Bench) -> None:
    """As if somebody had pressed Add on all of them, in one transaction, so that no bot sees half of a case."""
    made = [b.datadog.add_case(f"BULK-{number + 1}", f"Case {number}") for number in range(CASES)]
    async with b.transaction() as tx:
        at = await now(tx)
        row = {"org": ORG, "type": "MONITOR", "scope": "", "host": "app.datadoghq.com", "state": State.CONFIRMED}
        row |= {"by": "U0BEN", "at": at, "confirmed_at": at, "ours": False, "left_out": False, "note": ""}
        for case in made:
            await cases.save(tx, Case(ORG, case.id, case.key, case.title, False, False, frozenset()))
            resources = [{"resource_id": f"{number}", "ref": f"/monitors/{number}"} for number in range(1, EACH + 1)]
            await tx.execute(
                insert(tables.insights), [{**row, "case_id": case.id, **resource} for resource in resources]
            )
            await jobs.enqueue(tx, JobKind.CASE, jobs.case_key(ORG, case.id))
