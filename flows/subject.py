"""What a retraining, a comparison and a search share: who asked, what a person sees, their services, their steps.

Prefect is imported inside: a run that has nothing to do never needs it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from flows.cluster import Place, place
from flows.console import Console, Row, say
from flows.server import Server, prefect_server
from tasks.errors import ApprovalNeeded, GateRejected, Interrupted, Stopped, in_words
from tasks.lineage.event import Origin
from tasks.store import Store
from tasks.tracking.address import check_reachable

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas import State, TaskRun

RETRIES = 2
RETRY_DELAYS = [5.0, 30.0]  # seconds


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What every step needs to know of the work that it belongs to. Each kind of work adds its own."""

    store: Store
    id: str
    """Of the run, as the ledger, MLflow and the report have it."""
    origin: Origin
    """Who or what asked, for the ledger."""
    console: Console


def new_id() -> str:
    """A name for a run that begins now."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


@dataclass(frozen=True)
class Session:
    """The services of one subject, for as long as it works."""

    store: Store
    console: Console
    _server: Server
    _held: ExitStack

    @contextmanager
    def starting(self, parallel: int = 1, cluster: str | None = None) -> Iterator[Place]:
        """Wait for the services; the block imports the flow, which takes its time too. One line on the console.

        Args:
            parallel: how much runs at a time, on this machine or on each node of a cluster.
            cluster: the address of a Ray cluster, if it is to run there.

        Raises:
            Interrupted: the temporary server does not start.
            InputError: a server or cluster that was named does not answer.
        """
        with self.console.stage("start services"):
            self._server.ready()
            yield self._held.enter_context(place(self.store, parallel, cluster))

    @contextmanager
    def prefect_in_words(self, hint: str, done: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Around the call of a flow, when the services have started.

        Args:
            hint: how to go on.
            done: whether all that the flow was to do is done: then it does not matter that Prefect cannot note it.

        Raises:
            Interrupted: the Prefect server was lost.
        """
        import httpx
        from prefect.exceptions import PrefectHTTPStatusError

        try:
            yield
        except (GateRejected, ApprovalNeeded):
            raise
        except BaseException as error:
            self._server.end()  # what follows is not to be interrupted
            torn = isinstance(error, httpx.HTTPError | PrefectHTTPStatusError)
            if not (torn or self._server.lost):
                raise
            why = self._server.lost or f"was lost ({type(error).__name__})"
            if not done():
                raise Interrupted(f"the Prefect server {why}", hint=hint) from error
            say(f"  note: the Prefect server {why}; the work was done, only Prefect's page lacks its end")


@contextmanager
def session(store: Store) -> Iterator[Session]:
    """The services of one subject. Prefect's server starts at once, while the block checks what it can.

    Raises:
        InputError: MLflow cannot be reached.
    """
    check_reachable(store)
    with ExitStack() as held:
        yield Session(store, Console(), held.enter_context(prefect_server(store)), held)


S = TypeVar("S", bound=Subject)
P = ParamSpec("P")
T = TypeVar("T")


def step(name: str) -> Callable[[Callable[Concatenate[S, Row, P], T]], Task[Concatenate[S, P], T]]:
    """Make a function a Prefect task that reports its time and verdict to the subject's console."""
    from prefect import task
    from prefect.cache_policies import NO_CACHE

    def wrap(function: Callable[Concatenate[S, Row, P], T]) -> Task[Concatenate[S, P], T]:
        def timed(subject: S, *args: P.args, **kwargs: P.kwargs) -> T:
            with subject.console.stage(name) as row:
                try:
                    return function(subject, row, *args, **kwargs)
                except Exception as error:  # Prefect keeps the words of an exception, perhaps on another machine
                    raise in_words(error) from None

        # Named and documented, but not `wraps`: Prefect would read the signature of the wrapped function.
        timed.__name__, timed.__doc__ = function.__name__, function.__doc__
        return task(
            name=name,
            retries=RETRIES,
            retry_delay_seconds=RETRY_DELAYS,
            retry_condition_fn=worth_retrying,
            cache_policy=NO_CACHE,
            persist_result=False,
        )(timed)

    return wrap


def worth_retrying(_task: Task[..., object], _run: TaskRun, state: State) -> bool:
    """Only a service that was gone for a moment: a wrong input or a failed gate stays what it is."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, Interrupted) and not isinstance(error, Stopped)
