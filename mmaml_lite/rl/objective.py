"""What a policy gradient step climbs: surrogates whose derivatives are those of the return.

Samples do not know theta, so the objective must carry it: each is multiplied by a factor that is
one and whose derivative is that of the log-probability. `dice` gives every derivative right in
expectation; `ratio`, the usual likelihood ratio of each action alone, gives the first one and,
of the second, all but the cross terms between an action and earlier ones: less noise, some bias
(Rothfuss et al. 2019).
"""

from collections.abc import Callable

from torch import Tensor

from mmaml_lite.registry import Registry

Surrogate = Callable[[Tensor, Tensor, Tensor], Tensor]
SURROGATES: Registry[Surrogate] = Registry("surrogate")


def ratio(log_prob: Tensor, advantages: Tensor, alive: Tensor) -> Tensor:
    """Likelihood ratio of each action times its advantage, summed over time `(n, H) -> (n,)`.

    log_prob: under the policy that is differentiated, which is the one that sampled.
    """
    factor = (log_prob - log_prob.detach()).exp()
    return (factor * advantages * alive).sum(-1)


def dice(log_prob: Tensor, advantages: Tensor, alive: Tensor) -> Tensor:
    """Loaded DiCE (Farquhar et al. 2019), summed over time `(n, H) -> (n,)`.

    The factor of a step holds all actions up to it, minus the same without its own.
    """
    past = (log_prob * alive).cumsum(-1)
    before = past - log_prob * alive
    weight = (past - past.detach()).exp() - (before - before.detach()).exp()
    return (weight * advantages * alive).sum(-1)


SURROGATES.update(ratio=ratio, dice=dice)
