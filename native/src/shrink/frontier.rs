//! How much log-loss each size costs: as a table, as data, as a chart.

use std::fmt;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::app::human_bytes;
use crate::app::number;
use crate::io::output;
use crate::reports::kit::chart::{Axis, Chart, Mark, Shape, WIDTH};
use crate::reports::kit::ink::Ink;

const HEIGHT: u32 = 240;

/// The models that no other beats in both size and log-loss, the largest first.
#[derive(Debug, Serialize)]
pub(crate) struct Frontier {
    /// How many bytes were allowed.
    pub(crate) max_bytes: usize,
    pub(crate) points: Vec<FrontierPoint>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct FrontierPoint {
    /// How many trees it has; 0 where the model has none, and so for the next two.
    pub(crate) trees: usize,
    pub(crate) leaves: usize,
    /// To how many steps its leaves are rounded.
    pub(crate) leaf_steps: u16,
    /// What the same pruning does to a model that did not learn from the validation rows.
    pub(crate) validation_log_loss: f64,
    /// The bundle after brotli.
    pub(crate) bytes: usize,
    /// Whether it is the one that was written.
    pub(crate) chosen: bool,
}

impl Frontier {
    /// The points, the largest first, without those that turned out not to be smaller than one before: only
    /// of what was tried are the bytes those of the whole bundle. The chosen one stays.
    pub(crate) fn new(max_bytes: usize, largest_first: impl Iterator<Item = FrontierPoint>) -> Self {
        let mut points: Vec<FrontierPoint> = Vec::new();
        for point in largest_first {
            let beaten = |before: &FrontierPoint| before.bytes <= point.bytes;
            while point.chosen && points.last().is_some_and(beaten) {
                points.pop();
            }
            if !points.last().is_some_and(beaten) {
                points.push(point);
            }
        }
        Self { max_bytes, points }
    }

    /// The one that was written.
    pub(crate) fn chosen(&self) -> Option<&FrontierPoint> {
        self.points.iter().find(|point| point.chosen)
    }

    /// Writes `frontier.csv` and `frontier.svg`, both or none.
    ///
    /// # Errors
    /// Where a file can't be written.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let header = ["TREES", "LEAVES", "LEAF_STEPS", "VALIDATION_LOG_LOSS", "BYTES", "CHOSEN"];
        let csv = output::csv(header, self.points.iter().map(FrontierPoint::cells))?;
        let svg = self.chart().svg()?;
        output::FileSet { folder, command: "export", names: &["frontier.csv", "frontier.svg"], stale: &[] }
            .write(|files| {
                for (file, content) in files.iter_mut().zip([csv.as_slice(), svg.as_bytes()]) {
                    file.write_all(content)?;
                }
                Ok(())
            })
    }

    fn chart(&self) -> Chart {
        let place = |point: &FrontierPoint| (point.bytes as f64, point.validation_log_loss);
        let bytes = || self.points.iter().map(|point| point.bytes as f64);
        let losses = || self.points.iter().map(|point| point.validation_log_loss);
        let limit = self.max_bytes as f64;
        let greatest = bytes().fold(0.0, f64::max);
        let (best, worst) = (losses().fold(f64::INFINITY, f64::min), losses().fold(0.0, f64::max));
        // A single point has room around it, too.
        let air = (worst - best).max(best * 0.01) * 0.08;
        let (low, high) = (best - air, worst + air);
        let mut marks = vec![Mark {
            shape: Shape::Line(self.points.iter().map(place).collect()),
            ink: Ink::Main,
            title: "frontier".into(),
        }];
        if limit <= greatest {
            let places = vec![(limit, low), (limit, high)];
            let title = format!("at most {}", human_bytes(self.max_bytes));
            marks.push(Mark { shape: Shape::Line(places), ink: Ink::Faint, title });
        }
        marks.extend(self.points.iter().map(|point| Mark {
            shape: Shape::Dot([place(point)]),
            ink: if point.chosen { Ink::Beyond } else { Ink::Main },
            title: point.words(),
        }));
        Chart {
            title: "Size and log-loss".into(),
            subtitle: "up: validation log-loss; right: bytes of the bundle after brotli".into(),
            size: (WIDTH, HEIGHT),
            x: Axis::numbers(0.0..greatest * 1.05, 6, number::axis),
            y: Axis::numbers(low..high, 5, number::axis_over(high - low)),
            marks,
            legend: vec![(Ink::Main, "what could be had".into()), (Ink::Beyond, "chosen".into())],
        }
    }
}

impl FrontierPoint {
    fn cells(&self) -> [String; 6] {
        [
            self.trees.to_string(),
            self.leaves.to_string(),
            self.leaf_steps.to_string(),
            self.validation_log_loss.to_string(),
            self.bytes.to_string(),
            self.chosen.to_string(),
        ]
    }

    fn words(&self) -> String {
        format!(
            "{}: log-loss {:.4}, {} trees, {} leaves of {} steps",
            human_bytes(self.bytes),
            self.validation_log_loss,
            self.trees,
            self.leaves,
            self.leaf_steps
        )
    }
}

impl fmt::Display for Frontier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>8}{:>9}{:>12}{:>21}{:>18}",
            "trees", "leaves", "leaf steps", "validation log-loss", "bytes, brotli"
        )?;
        for point in &self.points {
            writeln!(
                f,
                "{:>8}{:>9}{:>12}{:>21.5}{:>18}{}",
                point.trees,
                point.leaves,
                point.leaf_steps,
                point.validation_log_loss,
                number::count(point.bytes),
                if point.chosen { "  ← chosen" } else { "" }
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frontier(points: &[(usize, f64, bool)]) -> Frontier {
        let point = |(bytes, validation_log_loss, chosen): &(usize, f64, bool)| FrontierPoint {
            trees: 10,
            leaves: 70,
            leaf_steps: 255,
            validation_log_loss: *validation_log_loss,
            bytes: *bytes,
            chosen: *chosen,
        };
        Frontier { max_bytes: 25_000, points: points.iter().map(point).collect() }
    }

    #[test]
    fn the_chosen_one_is_marked_in_the_table_the_csv_and_the_chart() {
        let frontier = frontier(&[(49_000, 0.1652, false), (24_800, 0.1661, true), (12_000, 0.1701, false)]);
        let table = frontier.to_string();
        let marked: Vec<&str> = table.lines().filter(|line| line.ends_with("← chosen")).collect();
        assert!(matches!(marked[..], [line] if line.contains("24,800")), "{table}");
        let folder = tempfile::tempdir().unwrap();
        frontier.write(folder.path()).unwrap();
        let csv = std::fs::read_to_string(folder.path().join("frontier.csv")).unwrap();
        assert!(csv.ends_with("10,70,255,0.1661,24800,true\n10,70,255,0.1701,12000,false\n"), "{csv}");
        let svg = std::fs::read_to_string(folder.path().join("frontier.svg")).unwrap();
        assert!(svg.contains("<title>24.8 kB: log-loss 0.1661, 10 trees, 70 leaves of 255 steps</title>"));
        assert!(svg.contains("<title>at most 25.0 kB</title>"));
    }

    #[test]
    fn a_single_model_can_be_drawn() {
        assert!(frontier(&[(900, 0.5, true)]).chart().svg().is_ok());
    }
}
