"""Why a chain is not read on: each has a stable code, kept beside its cursor."""

from payments.errors import StrongroomError


class WatchingError(StrongroomError):
    """Nothing more is read of the chain for now, and nothing was changed by what was read."""

    code = "watching_stopped"


class TornReadingError(WatchingError):
    """What was read does not fit together: the chain moved, or nodes differ. Read it again."""

    code = "reading_torn"


class ReorganisedTooDeepError(WatchingError):
    """No block that we remember is on the chain any more; a person must look."""

    code = "reorganised_too_deep"


class ChainIdChangedError(WatchingError):
    """The settings name another chain than the one that was read under this name before."""

    code = "chain_id_changed"


class TurnLostError(WatchingError):
    """Somebody else watches this chain now; what is left is theirs."""

    code = "turn_lost"
