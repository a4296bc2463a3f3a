"""Static types of the lazily loaded public names; a test keeps it equal to ``__init__.py``."""

from forgetproof.runtime import start_jax as start_jax
from theory.certificate import Certificate as Certificate
from theory.certificate import certificate as certificate
from theory.claim import Assumption as Assumption
from theory.claim import Claim as Claim
from theory.claim import Conclusion as Conclusion
from theory.claim import Counterexample as Counterexample
from theory.claim import Outcome as Outcome
from theory.claim import evaluate as evaluate
from theory.claim import judge as judge
from theory.claims import all_claims as all_claims
from theory.data.correlated import sample_correlated as sample_correlated
from theory.data.feature_overlap import sample_feature_overlap as sample_feature_overlap
from theory.data.gaussian_mixture import sample_gaussian_mixture as sample_gaussian_mixture
from theory.data.near_orthogonal import sample_near_orthogonal as sample_near_orthogonal
from theory.evidence.check import Verdict as Verdict
from theory.evidence.check import check as check
from theory.evidence.check import check_instance as check_instance
from theory.numerics import norm as norm
from theory.numerics import tolerance as tolerance
from theory.solvers.gradient_flow import gradient_flow as gradient_flow
from theory.solvers.kkt import KKTResiduals as KKTResiduals
from theory.solvers.kkt import kkt_residuals as kkt_residuals
from theory.solvers.margin import MarginSolution as MarginSolution
from theory.solvers.margin import NotSeparable as NotSeparable
from theory.solvers.margin import solve_margin as solve_margin
from theory.solvers.margin_batch import solve_margin_batch as solve_margin_batch
from theory.solvers.min_norm import solve_min_norm as solve_min_norm
from theory.unlearning.ascent import gradient_ascent as gradient_ascent
from theory.unlearning.leave_one_out import unlearn_each as unlearn_each
from theory.unlearning.projected_ascent import projected_ascent as projected_ascent
from theory.unlearning.retrain import decremental as decremental
from theory.unlearning.retrain import retrain as retrain

__version__: str
