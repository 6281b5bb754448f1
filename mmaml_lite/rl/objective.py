"""What a policy gradient step climbs: surrogates whose derivatives are those of the return.

Samples do not know theta, so the objective must carry it: each is weighted by how much likelier
the policy makes it than the one that sampled, a factor that is one where the two are equal. `dice`
gives every derivative right in expectation; `ratio`, the usual likelihood ratio of each action
alone, gives the first one and, of the second, all but the cross terms between an action and earlier
ones: less noise, some bias (Rothfuss et al. 2019).
"""

from collections.abc import Callable

from torch import Tensor

from mmaml_lite.core.registry import Registry

Surrogate = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
SURROGATES: Registry[Surrogate] = Registry("surrogate")


def ratio(log_prob: Tensor, sampled: Tensor, advantages: Tensor, alive: Tensor) -> Tensor:
    """Likelihood ratio of each action times its advantage, summed over time `(n, H) -> (n,)`.

    log_prob: of the actions under the policy that is differentiated; sampled: under the one that
    drew them, a constant.
    """
    factor = (log_prob - sampled).exp()
    return (factor * advantages * alive).sum(-1)


def dice(log_prob: Tensor, sampled: Tensor, advantages: Tensor, alive: Tensor) -> Tensor:
    """Loaded DiCE (Farquhar et al. 2019), summed over time `(n, H) -> (n,)`; as `ratio`.

    The factor of a step holds all actions up to it, minus the same without its own.
    """
    gained = (log_prob - sampled) * alive
    past = gained.cumsum(-1)
    weight = past.exp() - (past - gained).exp()
    return (weight * advantages * alive).sum(-1)


SURROGATES.update(ratio=ratio, dice=dice)
