//! Minimises smooth functions of many numbers, with `argmin`: L-BFGS (Liu & Nocedal, 1989) and the line
//! search of Moré & Thuente (1994).

use std::cell::Cell;

use argmin::core::{
    CostFunction, Executor, Gradient, OptimizationResult, State, TerminationReason, TerminationStatus,
};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

use crate::Error;

/// The history size of L-BFGS, as in SciPy.
const MEMORY: usize = 10;

/// The result of a minimisation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Minimum {
    pub(super) point: Vec<f64>,
    pub(super) iterations: u64,
    /// Whether the gradient became short enough, or a step gained nothing that `f64` can represent.
    pub(super) converged: bool,
}

/// Minimises a function from a starting point. `function` returns its value and gradient at a point. Stops
/// when the length of the gradient is at most `tolerance`, or after `max_iterations`.
///
/// # Errors
/// If the function's value at the start is not finite.
pub(super) fn minimise(
    function: impl Fn(&[f64]) -> (f64, Vec<f64>),
    start: Vec<f64>,
    max_iterations: u64,
    tolerance: f64,
) -> Result<Minimum, Error> {
    let failed = |failure: argmin::core::Error| Error::Training(format!("L-BFGS: {failure}"));
    let solver =
        LBFGS::new(MoreThuenteLineSearch::new(), MEMORY).with_tolerance_grad(tolerance).map_err(failed)?;
    let problem = Problem { function, last: Cell::new(None) };
    let (value, _) = problem.at(&start);
    if !value.is_finite() {
        return Err(Error::Training(format!("the loss to minimise starts at {value}")));
    }
    let executor = Executor::new(problem, solver)
        .configure(|state| state.param(start.clone()).max_iters(max_iterations))
        .timer(false);
    let OptimizationResult { state, .. } = executor.run().map_err(failed)?;
    let converged = matches!(
        state.get_termination_status(),
        TerminationStatus::Terminated(TerminationReason::SolverConverged)
    );
    // If the line search fails, the best point before it is kept.
    let point = state.get_best_param().cloned().unwrap_or(start);
    Ok(Minimum { point, iterations: state.get_iter(), converged })
}

/// A function in argmin's terms. One pass over the rows yields both value and gradient, so both are kept
/// until the next point.
struct Problem<F> {
    function: F,
    last: Cell<Option<Evaluated>>,
}

struct Evaluated {
    point: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

impl<F: Fn(&[f64]) -> (f64, Vec<f64>)> Problem<F> {
    fn at(&self, point: &[f64]) -> (f64, Vec<f64>) {
        let evaluated = self.last.take().filter(|last| last.point == point).unwrap_or_else(|| {
            let (value, gradient) = (self.function)(point);
            Evaluated { point: point.to_vec(), value, gradient }
        });
        let result = (evaluated.value, evaluated.gradient.clone());
        self.last.set(Some(evaluated));
        result
    }
}

impl<F: Fn(&[f64]) -> (f64, Vec<f64>)> CostFunction for Problem<F> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, point: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        Ok(self.at(point).0)
    }
}

impl<F: Fn(&[f64]) -> (f64, Vec<f64>)> Gradient for Problem<F> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, point: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        Ok(self.at(point).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's function: the minimum is at (1, 1).
    fn valley(point: &[f64]) -> (f64, Vec<f64>) {
        let (x, y) = (point[0], point[1]);
        let value = (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2);
        (value, vec![-2.0 * (1.0 - x) - 400.0 * x * (y - x * x), 200.0 * (y - x * x)])
    }

    #[test]
    fn the_end_of_a_valley_is_found() {
        let found = minimise(valley, vec![-1.2, 1.0], 200, 1e-8).unwrap();
        assert!(found.converged && found.iterations < 100, "{found:?}");
        assert!(found.point.iter().all(|coordinate| (coordinate - 1.0).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn a_limit_of_iterations_is_kept_and_told() {
        let found = minimise(valley, vec![-1.2, 1.0], 3, 1e-8).unwrap();
        assert!(!found.converged && found.iterations == 3, "{found:?}");
        assert!(valley(&found.point).0 < valley(&[-1.2, 1.0]).0);
    }

    #[test]
    fn each_point_is_computed_once() {
        let points = std::cell::RefCell::new(Vec::new());
        let counted = |point: &[f64]| {
            points.borrow_mut().push(point.to_vec());
            valley(point)
        };
        minimise(counted, vec![-1.2, 1.0], 200, 1e-8).unwrap();
        let mut points = points.into_inner();
        let all = points.len();
        points.dedup();
        assert_eq!(points.len(), all);
    }

    #[test]
    fn a_start_without_a_value_is_an_error_and_a_minimum_is_its_own() {
        assert!(minimise(|_| (f64::NAN, vec![0.0]), vec![0.0], 10, 1e-8).is_err());
        let found = minimise(valley, vec![1.0, 1.0], 10, 1e-8).unwrap();
        assert!(found.converged && found.point == [1.0, 1.0], "{found:?}");
    }
}
