"""The double-entry ledger of credits: the entries of a transaction add up to zero, and no balance is negative.

An organization has two accounts: its balance, and what it was issued, with a minus. A grant has an entry in both, a payment one in the
balance of each of two organizations, which is written in the scope of that organization. Amounts are micro-credits.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from peewee import fn

from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data import records
from aasim_core.error_codes import ErrorCode
from aasim_core.errors import Refused
from aasim_core.ids import new_id

from ..models import BALANCE, GRANT, ISSUED, Account, Entry

INSUFFICIENT_CREDITS = ErrorCode(
    "insufficient_credits",
    402,
    "the organization has fewer credits than this takes; `meta` has both",
    "ask the operator for credits, or choose something cheaper",
    example="This costs 5,000,000 micro-credits, and the organization has 1,000,000.",
    meta={"limit": "credits", "used": 5_000_000, "max": 1_000_000},
)


@dataclass(frozen=True)
class Posting:
    """One side of a transaction: by how many micro-credits the account of the organization grows."""

    organization_id: str
    account: str
    amount: int


def grant(organization_id: str, amount: int, reason: str) -> str:
    """Give the organization credits; returns the id of the transaction. Needs a transaction of the database."""
    postings = (Posting(organization_id, BALANCE, amount), Posting(organization_id, ISSUED, -amount))
    return post(postings, type=GRANT, reason=reason)


def pay(payer_id: str, payee_id: str, amount: int, **about: Any) -> str:
    """Move credits from one organization to another; returns the id of the transaction. Needs a database transaction.

    `about` are further columns of the entries. Refused ``insufficient_credits`` where the payer has too few.
    """
    return post((Posting(payer_id, BALANCE, -amount), Posting(payee_id, BALANCE, amount)), **about)


def post(postings: Iterable[Posting], **about: Any) -> str:
    """Write the entries of one transaction and change the accounts; ValueError for entries that do not add up to zero."""
    # In one order, so that two transactions never wait for each other.
    ordered = sorted(postings, key=lambda posting: (posting.organization_id, posting.account))
    if sum(posting.amount for posting in ordered):
        raise ValueError("the entries of a transaction add up to zero")
    transaction_id = new_id("ledger")
    for posting in ordered:
        with organization_scope(posting.organization_id):
            _change(posting)
            records.create(Entry, transaction_id=transaction_id, account=posting.account, amount=posting.amount, **about)
    return transaction_id


def balance() -> int:
    """The credits of the organization in scope."""
    return int(Account.select(fn.SUM(Account.amount)).where(Account.type == BALANCE).scalar() or 0)


def _change(posting: Posting) -> None:
    """Change the account in scope by one conditional statement, so that payments at the same time cannot overdraw it."""
    here = Account.type == posting.account
    covered = here if posting.account == ISSUED else here & (Account.amount + posting.amount >= 0)
    changes = {"amount": Account.amount + posting.amount, "version": Account.version + 1, "updated_at": now()}
    if Account.update(changes).where(covered).execute():
        return
    if posting.amount < 0 and posting.account == BALANCE:
        raise _too_few(-posting.amount)
    _open(posting.account)
    Account.update(changes).where(here).execute()


def _open(account: str) -> None:
    """Make the account, unless somebody else does so at the same moment."""
    Account.insert(Account(type=account).row()).on_conflict_ignore().execute()


def _too_few(amount: int) -> Refused:
    held = balance()
    message = f"This costs {amount:,} micro-credits, and the organization has {held:,}. Ask the operator for more."
    return Refused(INSUFFICIENT_CREDITS, message, meta={"limit": "credits", "used": amount, "max": held})


@dataclass(frozen=True)
class Audit:
    """What the ledger adds up to: the transactions and accounts that are wrong, and how many there are.

    `one_sided` are transactions with an organization that is erased. A side that were lost otherwise would show in its account.
    """

    transactions: int
    one_sided: int
    accounts: int
    unbalanced: tuple[str, ...]
    wrong: tuple[str, ...]


def audit() -> Audit:
    """Verify all transactions and accounts, as they are at one moment. Needs a system scope."""
    sums: Any = Entry.select(Entry.transaction_id, fn.COUNT(Entry.id), fn.SUM(Entry.amount)).group_by(Entry.transaction_id)
    owners = (Entry.organization_id, Entry.account)
    totals: Any = Entry.select(*owners, fn.SUM(Entry.amount)).group_by(*owners)
    with records.database_of(Entry).snapshot():
        transactions = list(sums.tuples())
        posted = {(organization_id, account): int(total) for organization_id, account, total in totals.tuples()}
        accounts = list(Account.select())
    return Audit(
        transactions=len(transactions),
        accounts=len(accounts),
        one_sided=sum(sides == 1 for _, sides, _ in transactions),
        unbalanced=tuple(sorted(each for each, sides, total in transactions if sides > 1 and total)),
        wrong=tuple(sorted(each.id for each in accounts if _is_wrong(each, posted.get((each.organization_id, each.type), 0)))),
    )


def _is_wrong(account: Account, posted: int) -> bool:
    return account.amount != posted or (account.type == BALANCE and account.amount < 0)
