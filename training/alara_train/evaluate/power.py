"""How many films it takes to show a difference of AUROC between two variants on the same films.

The variance of a difference of two AUROCs on the same films is a sum of one part per positive film and one part per
negative film (Hanley and McNeil, Radiology 1983;148:839; DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837). At
a fixed prevalence it is therefore proportional to 1 / films, and a measured standard error gives the number of films
for any other standard error (Obuchowski, Stat Methods Med Res 1998;7:371).
"""

from __future__ import annotations

from scipy.stats import norm

FORMULA = "films = measured films x ((critical value + normal quantile of the power) x standard error / difference)^2"
ASSUMPTIONS = (
    "The films are like the measured ones: prevalence, films per patient, AUROCs and their correlation.",
    "The difference is normally distributed, which is a rough approximation for findings with few positives.",
    "The networks stay as they are: the spread between trainings, other sites and wrong labels come on top.",
)


def films_needed(films: int, error: float, difference: float, *, critical: float, power: float = 0.8) -> float:
    """Number of films on which a true difference is shown with this power.

    Args:
        films: Measured films.
        error: Standard error of the difference on these films.
        difference: True difference of AUROC.
        critical: Number of standard errors by which an estimate must differ from zero, in a two-sided test.
        power: Probability that it does.
    """
    return films * ((critical + float(norm.ppf(power))) * error / difference) ** 2
