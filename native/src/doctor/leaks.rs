//! How well each feature alone tells each product's takers.

use std::path::Path;

use nextbest_core::train::areas_by_class;
use rayon::prelude::*;
use serde::Serialize;

use super::{MIN_SUPPORT, holds_already};
use crate::io::feature_table::{Layout, read_feature, read_labels};

/// How well a feature alone tells a product's takers.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeakScore {
    pub(crate) feature: String,
    pub(crate) product: String,
    /// The area under the ROC curve of the feature's values, turned round where it is below ½.
    pub(crate) roc_auc: f64,
    /// How many took the product.
    pub(crate) support: usize,
}

impl LeakScore {
    /// Whether it is too good to be true.
    pub(crate) fn is_leak(&self, threshold: f64) -> bool {
        self.support >= MIN_SUPPORT && self.roc_auc >= threshold
    }

    pub(crate) fn cells(&self) -> [String; 4] {
        [self.feature.clone(), self.product.clone(), self.roc_auc.to_string(), self.support.to_string()]
    }
}

/// The scores of all features and products, the best first. One feature is looked at after the other, so that
/// a table of any size will do. Customers who hold a product that can't be taken twice are left out of its
/// comparison: they would hide a leak behind everyone who took it before.
///
/// # Errors
/// If the table can't be read.
pub(crate) fn scores(parquet: &Path, layout: &Layout) -> anyhow::Result<Vec<LeakScore>> {
    let (labels, held) = read_labels(parquet)?;
    let products = layout.schema.products();
    let holds = holds_already(&held, products);
    let scored = layout
        .features
        .par_iter()
        .enumerate()
        .map(|(position, feature)| {
            let values = read_feature(parquet, position)?;
            let areas = areas_by_class(&values, &labels, layout.schema.class_count(), &holds);
            let of_products = areas.into_iter().skip(1).zip(products);
            Ok(of_products
                .filter(|((area, _), _)| !area.is_nan())
                .map(|((area, support), product)| LeakScore {
                    feature: feature.name.clone(),
                    product: product.name.clone(),
                    roc_auc: area.max(1.0 - area),
                    support,
                })
                .collect::<Vec<_>>())
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut scores: Vec<LeakScore> = scored.into_iter().flatten().collect();
    // Stable: of equal ones, the first feature stays first. Scores on a handful of takers come last.
    scores.sort_by(|a, b| {
        let proven = (b.support >= MIN_SUPPORT).cmp(&(a.support >= MIN_SUPPORT));
        proven.then(b.roc_auc.total_cmp(&a.roc_auc))
    });
    Ok(scores)
}
