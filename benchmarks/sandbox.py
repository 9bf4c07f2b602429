"""The sandbox in a process of its own, with an address that tells and sets what a run needs.

    python benchmarks/sandbox.py benchmarks/.work/ledger

Prints its site on the first line. `GET /benchmark` tells what was asked since the last `POST`;
`POST /benchmark?latency_ms=200&rate=5&burst=10` forgets that and sets how to answer.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from clearbooks_app.sandbox import DATABASE
from clearbooks_sandbox import AccountingEngine, Options, create_app, listen, serve

if TYPE_CHECKING:
    from starlette.requests import Request


def main(directory: Path) -> None:
    """Serve the ledgers of a directory on a free port until SIGTERM."""
    engine = AccountingEngine(directory / DATABASE)
    options = Options(pages=False)
    app = create_app(engine, options)

    async def control(request: Request) -> JSONResponse:
        if request.method == "POST":
            wanted = request.query_params
            options.latency_ms = int(wanted.get("latency_ms", 0))
            options.rate = float(wanted["rate"]) if "rate" in wanted else None
            options.burst = int(wanted.get("burst", 10))
            app.state.requests.clear()
            return JSONResponse({})
        asked = list(app.state.requests)
        answers = Counter(str(one.status) for one in asked)
        operations = Counter(one.operation for one in asked)
        businesses = {engine.books(n).business()["name"]: n for n in engine.business_ids()}
        return JSONResponse(
            {
                "requests": len(asked),
                "answers": answers,
                "operations": operations,
                "limited_at": [
                    [n, round(one.at - asked[0].at, 2)]
                    for n, one in enumerate(asked, 1)
                    if one.status == 429  # noqa: PLR2004
                ],
                "timeline": [
                    [one.operation, round(one.at - asked[0].at, 4), round(one.ms), one.query]
                    for one in asked
                    if "timeline" in request.query_params
                ],
                "seconds": round(asked[-1].at - asked[0].at, 3) if asked else 0.0,
                "businesses": businesses,
            }
        )

    app.router.routes.append(Route("/benchmark", control, methods=["GET", "POST"]))
    with listen("127.0.0.1", 0) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        serve(app, listener)
    engine.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
