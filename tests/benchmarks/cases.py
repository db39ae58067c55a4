"""Many insights that were confirmed while the bot was away: how many PUTs, how fast, with how many replicas."""

import contextlib

from sqlalchemy import insert

from bot.model import Case, State
from bot.store import cases, jobs, now
from bot.store import schema as tables
from tests import postgres
from tests.benchmarks import peers
from tests.benchmarks.measure import Row
from tests.e2e.bench import GET, PUT, Bench

CASES, EACH = 100, 100
ORG = "default"


async def run() -> list[Row]:
    found = [await _delivered("SQLite", 1, {})]
    with contextlib.suppress(postgres.NoPostgres), postgres.server() as server:
        for replicas in (1, 2, 4):
            url = postgres.create(server, f"cases{replicas}")
            found.append(await _delivered("PostgreSQL", replicas, {"DATABASE_URL": url}))
            postgres.drop(server, f"cases{replicas}")
    return found


async def _delivered(database: str, replicas: int, settings: dict[str, str]) -> Row:
    async with peers.bot(replicas=replicas, settings=settings) as b:
        await _confirm(b)
        total = CASES * EACH
        await b.control.until(
            lambda: len(b.calls(PUT)) >= CASES and _there(b) == total, timeout=60, what="all insights"
        )
        await b.handled()
        puts = b.calls(PUT)
        seconds = puts[-1].at - puts[0].at
        more = {"insights_per_second": round(total / seconds), "seconds": round(seconds, 2), "GETs": len(b.calls(GET))}
        name = f"{total:,} insights over {CASES} cases, {database}, {replicas} replica{'s' * (replicas > 1)}"
        return Row(name, "PUTs", len(puts), CASES, holds=len(puts) == CASES, goal=f"exactly {CASES}", more=more)


def _there(b: Bench) -> int:
    return sum(len(case.insights) for case in b.datadog.cases)


async def _confirm(b: Bench) -> None:
    """As if somebody had pressed Add on all of them: one transaction, so that nobody works on part of a case."""
    made = [b.datadog.add_case(f"BULK-{number + 1}", f"Case {number}") for number in range(CASES)]
    async with b.storing() as tx:
        at = await now(tx)
        for case in made:
            await cases.save(tx, Case(ORG, case.id, case.key, case.title, False, False, frozenset()))
            rows = [
                {
                    "org": ORG,
                    "case_id": case.id,
                    "type": "MONITOR",
                    "scope": "",
                    "resource_id": str(number),
                    "ref": f"/monitors/{number}",
                    "host": "app.datadoghq.com",
                    "state": State.CONFIRMED,
                    "by": "U0BEN",
                    "at": at,
                    "confirmed_at": at,
                    "ours": False,
                    "left_out": False,
                    "note": "",
                }
                for number in range(1, EACH + 1)
            ]
            await tx.execute(insert(tables.insights), rows)
            await jobs.enqueue(tx, jobs.JobKind.CASE, jobs.case_key(ORG, case.id))
