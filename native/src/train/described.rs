//! The parameters of the learners as `nextbest train --help` and docs/LEARNERS.md show them.

use std::fmt::Write;

use nextbest_core::train::{BoostParams, ForestParams, Grid, LogisticParams, Parameter, Parameters};

/// The end of `nextbest train --help`.
pub(crate) fn help() -> String {
    let mut text = "Parameters (config: model.hyperparameters), with their defaults, and in brackets the \
        values that are \
                    tried after them:\n"
        .to_owned();
    help_of::<ForestParams>(&mut text);
    help_of::<BoostParams>(&mut text);
    help_of::<LogisticParams>(&mut text);
    text + "\nFor ranges and meanings: docs/LEARNERS.md"
}

fn help_of<P: Parameters>(text: &mut String) {
    // Writing to a string can't fail.
    let _ = writeln!(text, "  {}:", P::LEARNER);
    for parameter in P::PARAMETERS {
        let (start, steps) = start_and_steps::<P>(parameter, |grid| grid.bank);
        let tried = if steps.is_empty() { steps } else { format!(" [{steps}]") };
        let _ = writeln!(text, "    {:<22} {start}{tried}", parameter.name);
    }
}

/// Where tuning starts for a parameter, and the values tried after that.
fn start_and_steps<P: Parameters>(
    parameter: &Parameter,
    values: impl Fn(&Grid) -> &'static [&'static str],
) -> (String, String) {
    let grid = P::GRID.iter().find(|grid| grid.name == parameter.name);
    match grid.and_then(|grid| values(grid).split_first()) {
        Some((start, steps)) => ((*start).to_owned(), steps.join(", ")),
        None => (P::default().text(parameter.name).unwrap_or_default(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of a learner in docs/LEARNERS.md.
    fn markdown_of<P: Parameters>() -> String {
        let head = "| parameter | meaning | range | default | then tried | plain table \
            |\n|---|---|---|---|---|---|\n";
        let line = |parameter: &Parameter| {
            let range = parameter.range.as_ref();
            let range = range.map_or("–".into(), |range| format!("{} to {}", range.start(), range.end()));
            let (start, steps) = start_and_steps::<P>(parameter, |grid| grid.bank);
            let (table_start, table_steps) = start_and_steps::<P>(parameter, |grid| grid.table);
            let table = match (table_start == start, table_steps == steps) {
                (true, true) => "–".into(),
                _ => format!("{table_start}, then {table_steps}"),
            };
            let steps = if steps.is_empty() { "–" } else { &steps };
            let meaning = parameter.meaning.trim();
            format!("| `{}` | {meaning} | {range} | {start} | {steps} | {table} |\n", parameter.name)
        };
        format!("## {}\n\n{head}{}", P::LEARNER, P::PARAMETERS.iter().map(line).collect::<String>())
    }

    #[test]
    fn the_document_lists_the_parameters() {
        let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/LEARNERS.md");
        let document = std::fs::read_to_string(document).unwrap();
        let tables =
            [markdown_of::<ForestParams>(), markdown_of::<BoostParams>(), markdown_of::<LogisticParams>()];
        let tables = tables.join("\n");
        assert!(document.ends_with(&tables), "docs/LEARNERS.md should end with this:\n{tables}");
    }

    #[test]
    fn the_help_names_every_parameter() {
        let help = help();
        assert!(help.contains("    min_samples_leaf       20 [5, 50]\n"), "{help}");
        assert!(help.contains("    early_stopping_rounds  20\n"), "{help}");
    }
}
