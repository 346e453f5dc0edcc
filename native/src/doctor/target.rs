//! Stability of the target across cut-offs.

use std::fmt;

use nextbest_core::time;
use serde::Serialize;

/// A share this many standard errors off stands out: once in some 400 cut-offs it does so by chance.
const STANDS_OUT: f64 = 3.0;
/// A mix of products this far off (population stability index) has shifted, by the usual rule of thumb.
const SHIFTED: f64 = 0.25;
/// Fewer buyers than this say nothing about the mix of products.
const MIN_BUYERS: usize = 50;

/// What was taken next at a cut-off, beside all other cut-offs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TargetAtCutoff {
    pub(crate) cutoff: String,
    pub(crate) customers: usize,
    pub(crate) buyers: usize,
    /// Share of buyers minus that of all other cut-offs, in standard errors.
    pub(crate) standard_errors_off: f64,
    /// The population stability index of the buyers' products against those of all other cut-offs.
    pub(crate) mix_psi: f64,
}

/// Looks at each cut-off beside all others; `labels` and `cutoffs` are of the same rows.
pub(crate) fn by_cutoff(cutoffs: &[i64], labels: &[usize], class_count: usize) -> Vec<TargetAtCutoff> {
    let mut distinct = cutoffs.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let mut counts = vec![vec![0usize; class_count]; distinct.len()];
    for (cutoff, label) in cutoffs.iter().zip(labels) {
        let at = distinct.binary_search(cutoff).ok().and_then(|at| counts.get_mut(at)?.get_mut(*label));
        if let Some(count) = at {
            *count += 1;
        }
    }
    let all: Vec<usize> =
        (0..class_count).map(|class| counts.iter().filter_map(|at| at.get(class)).sum()).collect();
    let target = |(cutoff, own): (&i64, &Vec<usize>)| {
        let others: Vec<usize> = all.iter().zip(own).map(|(all, own)| all - own).collect();
        let (customers, buyers) = (own.iter().sum(), own.iter().skip(1).sum());
        TargetAtCutoff {
            cutoff: time::format(*cutoff),
            customers,
            buyers,
            standard_errors_off: standard_errors(
                buyers,
                customers,
                others.iter().skip(1).sum(),
                others.iter().sum(),
            ),
            mix_psi: psi(own.get(1..).unwrap_or_default(), others.get(1..).unwrap_or_default()),
        }
    };
    distinct.iter().zip(&counts).map(target).collect()
}

/// The test statistic of two shares: their difference in standard errors under a common share.
fn standard_errors(hits: usize, count: usize, other_hits: usize, other_count: usize) -> f64 {
    let (count, other_count) = (count as f64, other_count as f64);
    let common = (hits + other_hits) as f64 / (count + other_count);
    let error = (common * (1.0 - common) * (1.0 / count + 1.0 / other_count)).sqrt();
    let difference = hits as f64 / count - other_hits as f64 / other_count;
    if error > 0.0 { difference / error } else { 0.0 }
}

/// The population stability index of two sets of counts. Half a case is added everywhere, so that an empty
/// class is no infinite difference.
fn psi(own: &[usize], others: &[usize]) -> f64 {
    let total = |counts: &[usize]| counts.iter().map(|count| *count as f64 + 0.5).sum::<f64>();
    let (own_total, others_total) = (total(own), total(others));
    let terms = own.iter().zip(others).map(|(own, other)| {
        let (own, other) = ((*own as f64 + 0.5) / own_total, (*other as f64 + 0.5) / others_total);
        (own - other) * (own / other).ln()
    });
    terms.sum()
}

impl TargetAtCutoff {
    /// Whether it differs from the other cut-offs.
    pub(super) fn stands_out(&self) -> bool {
        self.standard_errors_off.abs() > STANDS_OUT || (self.mix_psi > SHIFTED && self.buyers >= MIN_BUYERS)
    }

    fn share(&self) -> f64 {
        self.buyers as f64 / self.customers.max(1) as f64
    }

    pub(super) fn line(&self) -> String {
        format!(
            "{}{:>10} customers, {:>6} took a product next ({:.2} %, {:+.1} standard errors; mix PSI {:.3})",
            self.cutoff,
            self.customers,
            self.buyers,
            100.0 * self.share(),
            self.standard_errors_off,
            self.mix_psi
        )
    }

    pub(super) fn cells(&self) -> [String; 6] {
        [
            self.cutoff.clone(),
            self.customers.to_string(),
            self.buyers.to_string(),
            self.share().to_string(),
            self.standard_errors_off.to_string(),
            self.mix_psi.to_string(),
        ]
    }
}

impl fmt::Display for TargetAtCutoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the target drifts: {}", self.line())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_off_unlike_the_others_stands_out() {
        // Three cut-offs of 1000 customers; in the last one twice as many take something, and something else.
        let (mut cutoffs, mut labels) = (Vec::new(), Vec::new());
        for cutoff in 0..3i64 {
            for customer in 0..1000 {
                cutoffs.push(cutoff * 86_400);
                let buyers = if cutoff == 2 { 100 } else { 50 };
                labels.push(if customer >= buyers {
                    0
                } else if cutoff == 2 {
                    2
                } else {
                    1 + customer % 2
                });
            }
        }
        let target = by_cutoff(&cutoffs, &labels, 3);
        assert_eq!(
            target.iter().map(|at| (at.customers, at.buyers)).collect::<Vec<_>>(),
            [(1000, 50), (1000, 50), (1000, 100)]
        );
        // (100/1000 - 100/2000) / sqrt(p (1 - p) (1/1000 + 1/2000)) with p = 200/3000.
        let p: f64 = 200.0 / 3000.0;
        let expected = 0.05 / (p * (1.0 - p) * 0.0015).sqrt();
        assert!((target[2].standard_errors_off - expected).abs() < 1e-12);
        assert!(target[2].stands_out() && target[2].mix_psi > 1.0);
        assert!(target[0].standard_errors_off < 0.0);
    }

    #[test]
    fn equal_cut_offs_do_not() {
        let cutoffs: Vec<i64> = (0..4000).map(|row| i64::from(row / 1000) * 86_400).collect();
        let labels: Vec<usize> = (0..4000).map(|row| usize::from(row % 20 == 0)).collect();
        for at in by_cutoff(&cutoffs, &labels, 2) {
            assert!(!at.stands_out() && at.standard_errors_off == 0.0 && at.mix_psi == 0.0);
        }
    }
}
