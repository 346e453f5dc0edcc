//! Tests and distances for numbers of which only the bins are known.

use super::distribution::Summary;
use super::kolmogorov_smirnov::{KolmogorovSmirnov, limiting};

/// The two-sample Kolmogorov–Smirnov test on counts by bin: the greatest distance at the edges. Differences
/// within a bin are not seen, so the distance and, more so, the test are conservative. `None` if the lengths
/// differ or one side is empty.
pub fn kolmogorov_smirnov(reference: &[f64], current: &[f64]) -> Option<KolmogorovSmirnov> {
    let (rows, their_rows): (f64, f64) = (reference.iter().sum(), current.iter().sum());
    if reference.len() != current.len() || !(rows > 0.0 && their_rows > 0.0) {
        return None;
    }
    let steps = steps(reference, current, rows, their_rows);
    let distance = steps.into_iter().fold(0.0, |greatest: f64, step| greatest.max(step.abs())).min(1.0);
    let lambda = (rows * their_rows / (rows + their_rows)).sqrt() * distance;
    Some(KolmogorovSmirnov { distance, p_value: limiting(lambda) })
}

/// The Wasserstein distance of order 1 between counts by bin, in the unit of the numbers. Rows are assumed to
/// be spread evenly over their bin, and the outermost bins to reach to the reference's least and greatest
/// number. `None` as in [`kolmogorov_smirnov`], or if the counts do not match the edges.
pub fn wasserstein(edges: &[f32], summary: &Summary, reference: &[f64], current: &[f64]) -> Option<f64> {
    let (rows, their_rows): (f64, f64) = (reference.iter().sum(), current.iter().sum());
    if reference.len() != edges.len() + 1
        || reference.len() != current.len()
        || !(rows > 0.0 && their_rows > 0.0)
    {
        return None;
    }
    let mut bounds: Vec<f64> = edges.iter().map(|edge| f64::from(*edge)).collect();
    let (least, greatest) = (f64::from(summary.least), f64::from(summary.greatest));
    bounds.insert(0, bounds.first().map_or(least, |first| first.min(least)));
    bounds.push(bounds.last().map_or(greatest, |last| last.max(greatest)));
    let steps = steps(reference, current, rows, their_rows);
    // The difference of the two distribution functions at each bound; it is linear in between.
    let apart: Vec<f64> = core::iter::once(0.0).chain(steps).collect();
    let widths = bounds.iter().zip(bounds.iter().skip(1)).map(|(low, high)| high - low);
    let areas = widths.zip(apart.iter().zip(apart.iter().skip(1))).map(|(width, (from, to))| {
        let (from_size, to_size) = (from.abs(), to.abs());
        let height = match from * to < 0.0 {
            // Two triangles that meet where the functions cross.
            true => (from_size * from_size + to_size * to_size) / (2.0 * (from_size + to_size)),
            false => (from_size + to_size) / 2.0,
        };
        width * height
    });
    Some(areas.sum())
}

/// The second distribution function minus the first at the end of each bin.
fn steps(reference: &[f64], current: &[f64], rows: f64, their_rows: f64) -> Vec<f64> {
    let (mut below, mut their_below) = (0.0, 0.0);
    let step = |(ours, theirs): (&f64, &f64)| {
        below += ours;
        their_below += theirs;
        their_below / their_rows - below / rows
    };
    reference.iter().zip(current).map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::{Sample, distance, kolmogorov_smirnov as exact};

    #[test]
    fn bins_tell_what_the_values_tell_where_each_value_has_a_bin() {
        let values = |counts: [usize; 3]| -> Vec<f64> {
            counts.iter().zip([1.0, 2.0, 3.0]).flat_map(|(count, value)| vec![value; *count]).collect()
        };
        let (ours, theirs) = ([700, 900, 400], [500, 900, 600]);
        let samples = [ours, theirs].map(|counts| Sample::new(values(counts)));
        let counts = [ours, theirs].map(|counts| counts.map(|count| count as f64));
        let (found, expected) = (
            kolmogorov_smirnov(&counts[0], &counts[1]).unwrap(),
            exact::kolmogorov_smirnov(&samples[0], &samples[1]).unwrap(),
        );
        assert!((found.distance - expected.distance).abs() < 1e-12);
        assert!((found.p_value - expected.p_value).abs() < 1e-12, "{found:?} {expected:?}");
    }

    #[test]
    fn evenly_spread_bins_are_as_far_apart_as_their_values() {
        // Very many numbers, spread evenly within each bin.
        let edges = [1.0f32, 3.0];
        let summary = Summary { least: 0.0, greatest: 4.0, mean: 0.0, standard_deviation: 1.0 };
        let bounds = [(0.0, 1.0), (1.0, 3.0), (3.0, 4.0)];
        let values = |counts: [usize; 3]| {
            let spread = |(count, (low, high)): (usize, (f64, f64))| {
                (0..count).map(move |it| low + (high - low) * (it as f64 + 0.5) / count as f64)
            };
            Sample::new(counts.into_iter().zip(bounds).flat_map(spread))
        };
        for (ours, theirs) in
            [([4000, 4000, 4000], [6000, 5000, 1000]), ([6000, 0, 6000], [2000, 9000, 1000])]
        {
            let expected = distance::wasserstein(&values(ours), &values(theirs)).unwrap();
            let [ours, theirs] = [ours, theirs].map(|counts| counts.map(|count| count as f64));
            let found = wasserstein(&edges, &summary, &ours, &theirs).unwrap();
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
        assert_eq!(wasserstein(&edges, &summary, &[1.0, 1.0, 1.0], &[1.0, 1.0]), None);
        assert_eq!(wasserstein(&edges, &summary, &[1.0, 1.0, 1.0], &[0.0; 3]), None);
        assert_eq!(kolmogorov_smirnov(&[0.0], &[1.0]), None);
    }
}
