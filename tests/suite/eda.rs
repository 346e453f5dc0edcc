//! The exploratory data analysis of a small synthetic bank's feature table.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::BTreeMap;

use nextbest_tests::Workplace;
use serde_json::Value;

use crate::PROGRAM;

const TABLE: &str = "data/processed/customer_product_features.csv";

/// A folder with the feature table of a few hundred customers.
fn with_features() -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", "generate: {customers: 300, seed: 3}").unwrap();
    for command in ["generate", "features"] {
        let run = place.run(&[command]).unwrap();
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    place
}

fn explore(place: &Workplace, arguments: &[&str]) -> Value {
    let run = place.run(&[&["eda", "--json"], arguments].concat()).unwrap();
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

fn text(place: &Workplace, file: &str) -> String {
    String::from_utf8(place.read(file).unwrap()).unwrap()
}

/// The rows of a CSV file without quoted commas, by column.
fn rows(place: &Workplace, file: &str) -> Vec<BTreeMap<String, String>> {
    let text = text(place, file);
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), header.len(), "{file}: {line}");
        header.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), cell.to_owned())).collect()
    };
    lines.map(row).collect()
}

#[test]
fn every_file_is_written_and_true_to_the_table() {
    let place = with_features();
    let explored = explore(&place, &[]);
    let names: Vec<&str> =
        explored["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    let expected = [
        "data_summary.csv",
        "missing_values.csv",
        "numeric_statistics.csv",
        "histograms.csv",
        "category_counts.csv",
        "outliers.csv",
        "correlation_pearson.csv",
        "correlation_spearman.csv",
        "cramers_v.csv",
        "target_association.csv",
        "target_distribution.csv",
        "summary.txt",
        "report.html",
    ];
    assert_eq!(names, expected);
    for name in names {
        assert!(place.path(format!("outputs/eda/{name}")).metadata().unwrap().len() > 0, "{name}");
    }

    let table = rows(&place, TABLE);
    let summary = text(&place, "outputs/eda/data_summary.csv");
    assert!(summary.contains(&format!("\nrows,{}\n", table.len())), "{summary}");

    // Every class at every cut-off, counted again.
    let mut counted: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in &table {
        *counted.entry((row["CUTOFF"].clone(), row["NEXT_PRODUCT"].clone())).or_default() += 1;
    }
    let distribution = rows(&place, "outputs/eda/target_distribution.csv");
    assert_eq!(distribution.len(), 10 * 11);
    for row in &distribution {
        let key = (row["CUTOFF"].clone(), row["NEXT_PRODUCT"].clone());
        assert_eq!(row["COUNT"].parse(), Ok(counted.get(&key).copied().unwrap_or_default()), "{key:?}");
    }

    // Count, least and greatest value and mean of every number, computed again.
    let statistics = rows(&place, "outputs/eda/numeric_statistics.csv");
    assert!(statistics.len() > 50);
    for row in &statistics {
        let feature = &row["FEATURE"];
        let known: Vec<f64> =
            table.iter().filter_map(|row| row[feature].parse::<f32>().ok()).map(f64::from).collect();
        assert_eq!(row["COUNT"].parse(), Ok(known.len()), "{feature}");
        let number = |column: &str| row[column].parse::<f64>().unwrap();
        assert_eq!(number("MIN"), known.iter().copied().fold(f64::INFINITY, f64::min));
        assert_eq!(number("MAX"), known.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let spread = number("MAX") - number("MIN");
        assert!((number("MEAN") - mean).abs() <= 1e-12 * spread, "{feature}: {} {mean}", row["MEAN"]);
    }
}

#[test]
fn the_page_holds_all_it_needs_and_says_what_the_files_say() {
    let place = with_features();
    explore(&place, &[]);
    let page = text(&place, "outputs/eda/report.html");
    assert!(page.len() < 1_000_000, "{} bytes", page.len());

    for what in
        ["http:", "https:", "src=", "url(", "@import", "<link", "<script", "<iframe", "<object", "<img"]
    {
        assert!(!page.contains(what), "the page must ask for nothing, but holds {what}");
    }
    // References lead to places in the page that are there.
    let references: Vec<&str> =
        page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(references.len() >= 8);
    for reference in references {
        let id = reference.strip_prefix('#').unwrap();
        assert!(page.contains(&format!("id=\"{id}\"")), "{reference}");
    }
    // Whoever can't see a picture reads what it is; every table has heads.
    assert!(page.matches("role=\"img\"").count() > 60);
    for picture in page.split("role=\"img\"").skip(1) {
        assert!(picture.split_once('>').unwrap().1.starts_with("<title>"), "{}", &picture[..80]);
    }
    assert_eq!(page.matches("<table").count(), page.matches("<thead><tr><th scope=\"col\">").count());

    for row in rows(&place, "outputs/eda/numeric_statistics.csv") {
        let id = format!("id=\"feature-{}\"", row["FEATURE"]);
        let block = page.split(&id).nth(1).unwrap().split("</details>").next().unwrap();
        let shown = [
            ("values", "COUNT"),
            ("zeros", "ZEROS"),
            ("mean", "MEAN"),
            ("std", "STD"),
            ("median", "MEDIAN"),
            ("99 %", "P99"),
            ("max", "MAX"),
            ("skewness", "SKEWNESS"),
        ];
        for (name, column) in shown.into_iter().filter(|(_, column)| !row[*column].is_empty()) {
            let cell = format!("<dt>{name}</dt><dd><data value=\"{}\">", row[column]);
            assert!(block.contains(&cell), "{} {name}: {cell}", row["FEATURE"]);
        }
    }
    for row in rows(&place, "outputs/eda/target_distribution.csv") {
        assert!(page.contains(&format!("<td><data value=\"{}\">", row["COUNT"])), "{row:?}");
    }
}

#[test]
fn threads_and_repetition_change_no_byte() {
    let place = with_features();
    let first = explore(&place, &["--threads", "1"]);
    let files: Vec<String> = first["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| format!("outputs/eda/{}", file["name"].as_str().unwrap()))
        .collect();
    let read = || -> Vec<Vec<u8>> { files.iter().map(|file| place.read(file).unwrap()).collect() };
    let one = read();
    explore(&place, &["--threads", "3"]);
    assert!(one == read(), "the analysis depends on the number of threads");
}

#[test]
fn the_config_says_where_and_whether_to_draw() {
    let place = with_features();
    place.write("plots.yaml", "eda: {output_path: elsewhere}").unwrap();
    explore(&place, &["--config", "plots.yaml"]);
    assert!(place.path("elsewhere/report.html").exists() && !place.path("outputs/eda").exists());
    // A page of before would contradict the new numbers.
    place.write("plain.yaml", "eda: {output_path: elsewhere, generate_plots: false}").unwrap();
    explore(&place, &["--config", "plain.yaml"]);
    assert!(!place.path("elsewhere/report.html").exists() && place.path("elsewhere/summary.txt").exists());

    place.write("wrong.yaml", "eda: {generate_plot: false}").unwrap();
    let wrong = place.run(&["eda", "--config", "wrong.yaml"]).unwrap();
    assert!(wrong.code == 2 && wrong.stderr.contains("generate_plot"), "{}", wrong.stderr);
}

#[test]
fn without_a_table_the_error_says_what_makes_one() {
    let place = Workplace::new(PROGRAM).unwrap();
    let run = place.run(&["eda"]).unwrap();
    assert!(run.code == 1 && run.stderr.contains("nextbest features"), "{}", run.stderr);
}
