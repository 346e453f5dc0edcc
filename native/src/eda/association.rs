//! How features go together with the target, and categories with one another.

use super::correlation::Ranked;
use super::{Dataset, Factor, Kind};

/// How well a column of numbers tells the classes apart, over the rows where it has a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TargetAssociation {
    /// The correlation ratio η²: which share of the column's variance lies between the classes (0 to 1);
    /// `None` where it does not vary.
    pub(crate) eta_squared: Option<f64>,
    /// The area under the ROC curve of the column as a score for each class against all other rows: 0.5 says
    /// nothing, below 0.5 low values speak for the class. `None` where the class has no row or no other row.
    pub(crate) class_auc: Vec<Option<f64>>,
    /// The same for all classes except NONE; `None` without such a class.
    pub(crate) taker_auc: Option<f64>,
}

impl TargetAssociation {
    /// Measures a column against the classes.
    pub(crate) fn of(
        values: &[f32],
        ranked: &Ranked<'_>,
        target: &Factor,
        none_class: Option<usize>,
    ) -> Self {
        let classes = target.words.len();
        // Sums of whole numbers below 2⁵³, so the areas are exact.
        let mut rank_sums = vec![(0usize, 0u64); classes];
        for (class, rank) in target.codes.iter().zip(&ranked.ranks).filter(|(_, rank)| **rank > 0) {
            if let Some((count, sum)) = rank_sums.get_mut(*class) {
                *count += 1;
                *sum += u64::from(*rank);
            }
        }
        let rows: usize = rank_sums.iter().map(|(count, _)| count).sum();
        let auc = |(count, doubled_sum): (usize, u64)| {
            let (n, others) = (count as f64, (rows - count) as f64);
            // Mann–Whitney: the rank sum above the least possible one, over the number of pairs.
            (count > 0 && count < rows)
                .then(|| (doubled_sum as f64 / 2.0 - n * (n + 1.0) / 2.0) / (n * others))
        };
        let takers = |none: usize| {
            let others = rank_sums.iter().enumerate().filter(|(class, _)| *class != none);
            others.fold((0, 0), |sum, (_, it)| (sum.0 + it.0, sum.1 + it.1))
        };
        Self {
            eta_squared: eta_squared(values, ranked, target),
            class_auc: rank_sums.iter().map(|sums| auc(*sums)).collect(),
            taker_auc: none_class.and_then(|none| auc(takers(none))),
        }
    }
}

fn eta_squared(values: &[f32], ranked: &Ranked<'_>, target: &Factor) -> Option<f64> {
    let known = values.iter().zip(&target.codes).filter(|(value, _)| !value.is_nan());
    let origin = f64::from(*ranked.sorted.values.first()?);
    let known = known.map(|(value, class)| (f64::from(*value) - origin, *class));
    let mut groups = vec![(0.0, 0.0); target.words.len()];
    for (value, class) in known.clone() {
        if let Some((count, sum)) = groups.get_mut(class) {
            *count += 1.0;
            *sum += value;
        }
    }
    let (count, sum) = groups.iter().fold((0.0, 0.0), |all, it| (all.0 + it.0, all.1 + it.1));
    let mean = sum / count;
    let total: f64 = known.map(|(value, _)| (value - mean) * (value - mean)).sum();
    let occurring = groups.iter().filter(|(count, _)| *count > 0.0);
    let between: f64 =
        occurring.map(|(count, sum)| count * (sum / count - mean) * (sum / count - mean)).sum();
    (total > 0.0).then(|| (between / total).min(1.0))
}

/// How strongly two categories go together, over the rows where both have a word.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CategoryAssociation {
    /// The names of the two.
    pub(crate) names: [String; 2],
    /// How many rows have both.
    pub(crate) rows: usize,
    /// How many words of each occur.
    pub(crate) words: [usize; 2],
    /// Pearson's statistic of the contingency table, without continuity correction.
    pub(crate) chi_squared: f64,
    /// Cramér's V, 0 to 1, with the bias correction of Bergsma (2013), "A bias-correction for Cramér's V and
    /// Tschuprow's T"; `None` where one of the two does not vary.
    pub(crate) cramers_v: Option<f64>,
}

impl CategoryAssociation {
    /// The degrees of freedom of the statistic.
    pub(crate) fn degrees_of_freedom(&self) -> usize {
        self.words.iter().map(|words| words.saturating_sub(1)).product()
    }

    /// Measures pairs of words, one a row.
    #[expect(clippy::indexing_slicing, reason = "the totals have an entry for each code that occurs")]
    pub(crate) fn of(names: [&str; 2], rows: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut pairs: Vec<(usize, usize)> = rows.collect();
        pairs.sort_unstable();
        let cells: Vec<(usize, usize, f64)> = pairs
            .chunk_by(|a, b| a == b)
            .filter_map(|run| run.first().map(|(a, b)| (*a, *b, run.len() as f64)))
            .collect();
        let n = pairs.len() as f64;
        let totals = |code: fn(&(usize, usize, f64)) -> usize| {
            let mut totals = vec![0.0; cells.iter().map(code).max().map_or(0, |last| last + 1)];
            for cell in &cells {
                totals.get_mut(code(cell)).into_iter().for_each(|total| *total += cell.2);
            }
            totals
        };
        let (totals_a, totals_b) = (totals(|cell| cell.0), totals(|cell| cell.1));
        let mut chi_squared = 0.0;
        let mut expected_of_occurring = 0.0;
        for (a, b, observed) in &cells {
            let expected = totals_a[*a] * totals_b[*b] / n;
            chi_squared += (observed - expected).powi(2) / expected;
            expected_of_occurring += expected;
        }
        // A pair that never occurs adds (0 − e)² / e = e.
        chi_squared += (n - expected_of_occurring).max(0.0);
        let occurring = |totals: &[f64]| totals.iter().filter(|total| **total > 0.0).count();
        let words = [occurring(&totals_a), occurring(&totals_b)];
        Self {
            names: names.map(str::to_owned),
            rows: pairs.len(),
            words,
            chi_squared,
            cramers_v: bias_corrected(chi_squared, n, words.map(|words| words as f64)),
        }
    }
}

fn bias_corrected(chi_squared: f64, n: f64, [words_a, words_b]: [f64; 2]) -> Option<f64> {
    if words_a < 2.0 || words_b < 2.0 || n < 2.0 {
        return None;
    }
    let corrected = |words: f64| words - (words - 1.0).powi(2) / (n - 1.0);
    let phi_squared = (chi_squared / n - (words_a - 1.0) * (words_b - 1.0) / (n - 1.0)).max(0.0);
    let least = corrected(words_a).min(corrected(words_b)) - 1.0;
    (least > 0.0).then(|| (phi_squared / least).sqrt().min(1.0))
}

/// Every two of the categories, the cut-off and the target: the target's first, each list in the order of the
/// columns.
pub(crate) fn categories(data: &Dataset) -> Vec<CategoryAssociation> {
    let of_factor = |factor: &Factor| -> (String, Vec<Option<usize>>) {
        (factor.name.clone(), factor.codes.iter().copied().map(Some).collect())
    };
    let categories = data.columns.iter().filter(|column| column.kind != Kind::Numeric);
    let mut variables = vec![of_factor(&data.target), of_factor(&data.cutoffs)];
    variables.extend(categories.map(|column| (column.name.clone(), column.codes().collect())));
    let mut found = Vec::new();
    for (position, (name, codes)) in variables.iter().enumerate() {
        for (other, other_codes) in variables.iter().skip(position + 1) {
            let both = codes.iter().zip(other_codes).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
            found.push(CategoryAssociation::of([name, other], both));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::sorted::Sorted;
    use super::*;

    fn target(classes: usize, codes: Vec<usize>) -> Factor {
        Factor { name: "TARGET".into(), words: (0..classes).map(|class| class.to_string()).collect(), codes }
    }

    fn measure(values: &[f32], target: &Factor) -> TargetAssociation {
        TargetAssociation::of(values, &Ranked::new(values, Sorted::of(values)), target, Some(0))
    }

    #[test]
    fn the_area_under_the_curve_is_the_share_of_pairs_in_order() {
        let nan = f32::NAN;
        let values = [1.0, 2.0, nan, 2.0, 5.0, 0.0, 3.0, 2.0, nan, 4.0];
        let target = target(4, vec![0, 1, 1, 0, 2, 0, 1, 2, 0, 0]);
        let found = measure(&values, &target);
        let by_pairs = |of: &dyn Fn(usize) -> bool| {
            let rows: Vec<(f32, bool)> = values
                .iter()
                .zip(&target.codes)
                .filter(|(value, _)| !value.is_nan())
                .map(|(value, class)| (*value, of(*class)))
                .collect();
            let (mut won, mut pairs) = (0.0, 0.0);
            for (value, _) in rows.iter().filter(|(_, of)| *of) {
                for (other, _) in rows.iter().filter(|(_, of)| !*of) {
                    pairs += 1.0;
                    won += if value > other {
                        1.0
                    } else if value == other {
                        0.5
                    } else {
                        0.0
                    };
                }
            }
            won / pairs
        };
        for class in 0..3 {
            assert_eq!(found.class_auc[class], Some(by_pairs(&|it| it == class)));
        }
        assert_eq!(found.class_auc[3], None);
        assert_eq!(found.taker_auc, Some(by_pairs(&|it| it > 0)));
    }

    #[test]
    fn the_correlation_ratio_is_the_share_between_the_classes() {
        // The example of en.wikipedia.org/wiki/Correlation_ratio: marks in algebra, geometry, statistics.
        let values =
            [45.0, 70.0, 29.0, 15.0, 21.0, 40.0, 20.0, 30.0, 42.0, 65.0, 95.0, 80.0, 70.0, 85.0, 73.0];
        let target = target(3, vec![0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]);
        assert!((measure(&values, &target).eta_squared.unwrap() - 6780.0 / 9640.0).abs() < 1e-12);
        assert_eq!(measure(&[0.1; 15], &target).eta_squared, None);
    }

    #[test]
    fn cramers_v_has_its_closed_forms() {
        let repeat = |cells: &[(usize, usize, usize)]| -> Vec<(usize, usize)> {
            cells.iter().flat_map(|(a, b, count)| vec![(*a, *b); *count]).collect()
        };
        let of = |cells| CategoryAssociation::of(["a", "b"], repeat(cells).into_iter());
        // Each word of one comes with a word of its own of the other.
        let same = of(&[(0, 4, 50), (1, 2, 30), (5, 1, 20)]);
        assert_eq!((same.rows, same.words, same.degrees_of_freedom()), (100, [3, 3], 4));
        assert!((same.chi_squared - 200.0).abs() < 1e-10);
        assert!((same.cramers_v.unwrap() - 1.0).abs() < 1e-12);
        // Independent to the row: χ² = 0, and what the correction takes off can't make it less than 0.
        let independent = of(&[(0, 0, 10), (0, 1, 20), (1, 0, 30), (1, 1, 60)]);
        assert!(independent.chi_squared < 1e-12 && independent.cramers_v == Some(0.0));
        // A 2 × 2 table by hand: χ² = n (ad − bc)² / (product of the margins).
        let (a, b, c, d) = (10.0, 20.0, 30.0, 5.0);
        let table = of(&[(0, 0, 10), (0, 1, 20), (1, 0, 30), (1, 1, 5)]);
        let n: f64 = a + b + c + d;
        let chi_squared = n * (a * d - b * c) * (a * d - b * c) / ((a + b) * (c + d) * (a + c) * (b + d));
        assert!((table.chi_squared - chi_squared).abs() < 1e-10);
        let corrected = 2.0 - 1.0 / (n - 1.0) - 1.0;
        let v = ((chi_squared / n - 1.0 / (n - 1.0)) / corrected).sqrt();
        assert!((table.cramers_v.unwrap() - v).abs() < 1e-12);
        assert_eq!(of(&[(0, 0, 5), (0, 1, 5)]).cramers_v, None);
        assert_eq!(of(&[]).cramers_v, None);
    }
}
