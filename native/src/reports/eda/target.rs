//! The page's part about the classes, cut-off by cut-off.

use maud::{Markup, html};

use super::Writer;
use crate::app::number::{self, count, percent};
use crate::eda::target::CutoffClasses;
use crate::reports::kit::chart::legend;
use crate::reports::kit::charts::{self, Bar, XAxis};
use crate::reports::kit::ink::Ink;
use crate::reports::kit::page::{exact, more, scrolling};

impl Writer<'_> {
    pub(super) fn target(&self) -> anyhow::Result<Markup> {
        let (data, target) = (self.data, &self.analysis.target);
        let cutoffs = &data.cutoffs.words;
        let series = self.series();
        let mut stacked = Vec::new();
        for ((cutoff, at), x) in cutoffs.iter().zip(target).zip(0..) {
            let mut base = 0.0;
            for (ink, name, classes) in &series {
                let rows: usize = classes.iter().filter_map(|class| at.counts.get(*class)).sum();
                if rows > 0 {
                    let (from, to) = (f64::from(x) - 0.4, f64::from(x) + 0.4);
                    let title = format!("{cutoff}, {name}: {} ({})", count(rows), percent(at.share(rows)));
                    stacked.push(Bar { from, to, base, height: rows as f64, ink: *ink, title });
                    base += rows as f64;
                }
            }
        }
        let caption = if data.none_class.is_some() { "Who takes what" } else { "Rows of each class" };
        let stack = charts::bars(caption, &stacked, &XAxis::Words(cutoffs.clone()), number::axis);
        let rate = data.none_class.map(|none| self.rate(none)).transpose()?;
        let stack = if stacked.is_empty() {
            html! { p { "No row has a class." } }
        } else {
            stack?
        };
        Ok(html! {
            div.pair {
                figure {
                    figcaption { (caption) " " span.soft { "rows at each cut-off" } }
                    (stack)
                    (legend(series.iter().map(|(ink, name, _)| (*ink, name.as_str()))))
                }
                @if let Some(rate) = rate {
                    figure {
                        figcaption { "Share of buyers " span.soft { "of the customers at each cut-off" } }
                        (rate)
                    }
                }
            }
            (more("The numbers", &scrolling("Classes by cut-off", &self.target_table())))
        })
    }

    fn rate(&self, none: usize) -> anyhow::Result<Markup> {
        let point = |(cutoff, at): (&String, &CutoffClasses)| {
            let (buyers, share) = (at.others(none), at.share(at.others(none)));
            let title = format!("{cutoff}: {} of {} ({})", count(buyers), count(at.rows), percent(share));
            (share * 100.0, title)
        };
        let points: Vec<(f64, String)> =
            self.data.cutoffs.words.iter().zip(&self.analysis.target).map(point).collect();
        charts::line("Share of buyers", &points, &self.data.cutoffs.words, |percent| {
            format!("{} %", number::axis(percent))
        })
    }

    /// Colour, name and classes of what is stacked: the classes that occur, without the one of taking
    /// nothing.
    fn series(&self) -> Vec<(Ink, String, Vec<usize>)> {
        let occurs = |class: usize| {
            self.analysis.target.iter().any(|at| at.counts.get(class).is_some_and(|count| *count > 0))
        };
        let classes = self.data.target.words.iter().enumerate();
        let classes: Vec<(usize, &String)> =
            classes.filter(|(class, _)| Some(*class) != self.data.none_class && occurs(*class)).collect();
        let own = if classes.len() > Ink::SERIES { Ink::SERIES - 1 } else { classes.len() };
        let (own, others) = classes.split_at_checked(own).unwrap_or((&classes, &[]));
        let mut series: Vec<(Ink, String, Vec<usize>)> = own
            .iter()
            .zip(0..)
            .map(|((class, name), ink)| (Ink::Series(ink), (*name).clone(), vec![*class]))
            .collect();
        if !others.is_empty() {
            let last = Ink::Series((Ink::SERIES - 1) as u8);
            let classes = others.iter().map(|(class, _)| *class).collect();
            series.push((last, format!("{} others", others.len()), classes));
        }
        series
    }

    fn target_table(&self) -> Markup {
        let (data, target) = (self.data, &self.analysis.target);
        html! {
            table {
                thead { tr {
                    th scope="col" { (data.cutoffs.name) }
                    th scope="col" { "rows" }
                    @if data.none_class.is_some() { th scope="col" { "buyers" } }
                    @for class in &data.target.words { th scope="col" { (class) } }
                } }
                tbody {
                    @for (cutoff, at) in data.cutoffs.words.iter().zip(target) {
                        tr {
                            th scope="row" { (cutoff) }
                            td { (exact(at.rows, &count(at.rows))) }
                            @if let Some(none) = data.none_class { td { (percent(at.share(at.others(none)))) } }
                            @for class in &at.counts { td { (exact(class, &count(*class))) } }
                        }
                    }
                }
            }
        }
    }
}
