//! The whole analysis of small and odd tables.

use super::*;

fn column(name: &str, kind: Kind, values: Vec<f32>) -> Column {
    Column::new(name.into(), format!("label of {name}"), "group".into(), kind, values.into_iter())
}

/// Three hundred rows with everything that is awkward: names that are markup or need quotes, a column without
/// a value, a constant, extreme numbers, infinities, a single value, a category with a word that never
/// occurs.
fn odd_table(none_class: Option<usize>) -> Dataset {
    let rows = 300;
    let numbers = |of: &dyn Fn(usize) -> f32| (0..rows).map(of).collect::<Vec<f32>>();
    let words = ["red", "<b>", "never"].map(str::to_owned).to_vec();
    let columns = vec![
        column("<script>alert(1)</script>", Kind::Numeric, numbers(&|row| (row * row % 97) as f32)),
        column(
            "comma, \"quote\"",
            Kind::Numeric,
            numbers(&|row| if row % 3 == 0 { f32::NAN } else { row as f32 }),
        ),
        column("nothing", Kind::Numeric, vec![f32::NAN; rows]),
        column("constant", Kind::Numeric, vec![0.1; rows]),
        column("huge", Kind::Numeric, numbers(&|row| f32::MAX * (row as f32 / 150.0 - 1.0))),
        column("tiny", Kind::Numeric, numbers(&|row| f32::from_bits(row as u32 + 1))),
        column("far", Kind::Numeric, numbers(&|row| 1e9 + row as f32 * 64.0)),
        column("infinite", Kind::Numeric, numbers(&|row| if row < 9 { f32::INFINITY } else { -0.0 })),
        column("once", Kind::Numeric, numbers(&|row| if row == 7 { 3.0 } else { f32::NAN })),
        column(
            "colour",
            Kind::Category(words),
            numbers(&|row| if row % 10 == 0 { f32::NAN } else { (row % 2) as f32 }),
        ),
    ];
    Dataset {
        name: "a & b".into(),
        customers: 100,
        columns,
        cutoffs: Factor {
            name: "CUTOFF".into(),
            words: ["2026-01-01", "2026-04-01"].map(str::to_owned).to_vec(),
            codes: (0..rows).map(|row| row / 150).collect(),
        },
        target: Factor {
            name: "TARGET".into(),
            words: ["NONE", "<i>loan</i>", "never taken"].map(str::to_owned).to_vec(),
            codes: (0..rows).map(|row| usize::from(row % 11 == 0)).collect(),
        },
        none_class,
        horizon_days: Some(90),
    }
}

fn everything(data: &Dataset) -> Vec<(&'static str, String)> {
    let analysis = Analysis::of(data, |_| ());
    let findings = findings::findings(data, &analysis);
    let mut all = files::csv_files(data, &analysis, 1).unwrap();
    all.push(("summary.txt", findings::as_text(&findings).into_bytes()));
    all.push(("report.html", crate::reports::eda::html(data, &analysis, &findings).unwrap().into_bytes()));
    all.into_iter().map(|(name, content)| (name, String::from_utf8(content).unwrap())).collect()
}

#[test]
fn odd_tables_give_sound_files() {
    for none_class in [Some(0), None] {
        for (name, text) in everything(&odd_table(none_class)) {
            let page = name == "report.html";
            assert!(!text.contains("NaN") && (page || !text.contains("inf,")), "{name}: {text}");
            if page {
                assert!(!text.contains("<script>") && !text.contains("<b>") && !text.contains("<i>"));
                assert!(
                    text.contains("&lt;script&gt;") && text.contains("a &amp; b") && !text.contains("inf%")
                );
            } else if let Some(name) = name.strip_suffix(".csv") {
                let mut reader = csv::Reader::from_reader(text.as_bytes());
                let width = reader.headers().unwrap().len();
                assert!(reader.records().all(|record| record.unwrap().len() == width), "{name}");
            }
        }
    }
}

#[test]
fn values_that_are_not_finite_are_missing() {
    let analysis = Analysis::of(&odd_table(Some(0)), |_| ());
    let counts: Vec<usize> = analysis.missing.iter().map(|missing| missing.count).collect();
    assert_eq!(counts, [0, 100, 300, 0, 0, 0, 0, 9, 299, 30]);
    let infinite = &analysis.numeric[7].statistics;
    assert_eq!((infinite.count, infinite.zeros, infinite.distinct), (291, 291, 1));
}

#[test]
fn threads_change_no_byte() {
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| everything(&odd_table(Some(0))))
    };
    assert!(with(1) == with(3));
}

#[test]
fn a_table_of_one_row_is_a_table() {
    let mut data = odd_table(Some(0));
    data.columns.iter_mut().for_each(|column| column.values.truncate(1));
    data.cutoffs.codes.truncate(1);
    data.target.codes.truncate(1);
    let files = everything(&data);
    assert!(files.iter().all(|(_, text)| !text.contains("NaN")), "{files:?}");
}
