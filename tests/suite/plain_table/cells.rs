//! What the cells of a plain table say, however a program or a person wrote them: nothing is guessed.

use super::*;

/// 600 rows of a number, a date, a code and a class that depends on the number; some cells are spoilt.
fn cases(spoil: impl Fn(usize, &str) -> Option<&'static str>) -> String {
    let mut text = String::from("AGE,SINCE,ZIP,y\n");
    for row in 0..600 {
        let age = format!("{}", 20 + row * 37 % 60);
        let since = format!("20{:02}-0{}-11", row % 20, 1 + row % 9);
        let zip = format!("{:05}", 700 + row % 40 * 971);
        let class = if row * 37 % 60 + row % 7 < 30 { "young" } else { "old" };
        let cells = [("AGE", age), ("SINCE", since), ("ZIP", zip), ("y", class.to_owned())];
        let cells = cells.map(|(column, cell)| spoil(row, column).map_or(cell, str::to_owned));
        writeln!(text, "{}", cells.join(",")).unwrap();
    }
    text
}

fn strays(row: usize, column: &str) -> Option<&'static str> {
    match (row, column) {
        (301, "AGE") => Some("n/a?"),
        (302, "AGE") => Some("inf"),
        (303, "SINCE") => Some("-"),
        _ => None,
    }
}

const LEARN: [&str; 7] = ["train", "--table", "t.csv", "--target", "y", "--algorithm", "logistic_regression"];

fn kinds_of_bundle(place: &Workplace) -> Vec<String> {
    let bundle = Recommender::load(&place.read("outputs/bundle/nextbest.bundle").unwrap()).unwrap();
    let columns = &bundle.bundle().schema.customer().columns;
    let kind = |column: &nextbest_core::schema::Column| format!("{:?}", column.kind);
    columns.iter().map(|column| kind(column).chars().take_while(|c| c.is_alphanumeric()).collect()).collect()
}

#[test]
fn strays_are_named_and_do_not_change_what_a_column_holds() {
    let place = place_with("t.csv", &cases(strays));
    let named = [
        "3 cells are not what their column holds",
        "t.csv:303: column AGE: expected a number, got \"n/a?\"",
        "t.csv:304: column AGE: expected a number, got \"inf\"",
        "t.csv:305: column SINCE: expected a date such as 2024-05-03",
        "--skip-bad-rows",
        "--columns AGE=word,SINCE=word",
    ];
    fails(&place, &LEARN, 1, &named);
    assert!(!place.path("outputs").exists(), "nothing is written");

    // As missing values they are counted and told, and the columns are what they are.
    let finished = place.run(&[&LEARN[..], &["--skip-bad-rows", "--json"]].concat()).unwrap();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    let told = "column AGE: 2 of 600 cells are not what it holds and count as missing; the first: \
        t.csv:303: column AGE";
    assert!(finished.stderr.contains(told), "{}", finished.stderr);
    let trained: Value = serde_json::from_str(&finished.stdout).unwrap();
    let counted: Vec<_> = trained["training"]["strays"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&counted[0]["column"], &counted[0]["cells"], &counted[1]["of"]),
        (&json!("AGE"), &json!(2), &json!(600))
    );
    assert_eq!(kinds_of_bundle(&place), ["Number", "Time", "Category", "Category"]);
    let with_strays = place.read("outputs/bundle/nextbest.bundle").unwrap();
    place.write("t.csv", &cases(|row, column| strays(row, column).map(|_| ""))).unwrap();
    json_of(&place, &LEARN);
    let emptied = place.read("outputs/bundle/nextbest.bundle").unwrap();
    let forests = [&with_strays, &emptied]
        .map(|bytes| format!("{:?}", Recommender::load(bytes).unwrap().bundle().model));
    assert!(forests[0] == forests[1], "a stray that is skipped is an empty cell");

    // The model's schema says what columns hold when it scores.
    place
        .write("new.csv", "AGE,SINCE,ZIP\n44.5,2011-01-11,00700\nold,2011-01-11,00700\n,2011-01-11,00700\n")
        .unwrap();
    let score = ["score", "--table", "new.csv", "--out", "o.csv"];
    fails(&place, &score, 1, &["new.csv:3: column AGE: expected a number, got \"old\"", "--skip-bad-rows"]);
    let scored = json_of(&place, &[&score[..], &["--skip-bad-rows"]].concat());
    assert_eq!((&scored["strays"][0]["cells"], &scored["unknown_words"]), (&json!(1), &json!([])));
    let scores = String::from_utf8(place.read("o.csv").unwrap()).unwrap();
    let rows: Vec<&str> = scores.lines().map(|line| line.split_once(',').unwrap().1).collect();
    assert!(rows[2] == rows[3] && rows[1] != rows[2], "{scores}");
}

#[test]
fn what_a_column_holds_can_be_said() {
    let place = place_with("t.csv", &cases(|_, _| None));
    // Numbers would lose the zeros of codes.
    let finished = place.run(&LEARN).unwrap();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    let told = "column ZIP: its cells are words, since numbers would lose the zeros of codes such as \
        \"00700\" (t.csv:2)";
    assert!(finished.stderr.contains(told), "{}", finished.stderr);
    assert_eq!(kinds_of_bundle(&place), ["Number", "Time", "Category", "Category"]);
    json_of(&place, &[&LEARN[..], &["--columns", "ZIP=number,AGE=word", "--columns", "SINCE=word"]].concat());
    assert_eq!(kinds_of_bundle(&place), ["Category", "Category", "Number", "Category"]);

    let wrong = |columns: &str, code: i32, expected: &str| {
        fails(&place, &[&LEARN[..], &["--columns", columns]].concat(), code, &[expected]);
    };
    wrong("ZIP=text", 2, "\"text\" is no kind");
    wrong("PLZ=word", 2, "--columns: no column `PLZ` stands in the header");
    wrong("ZIP=date", 1, "t.csv:2: column ZIP: expected a date such as 2024-05-03");
    // Half and half is words, and told.
    place.write("t.csv", &cases(|row, column| (column == "AGE" && row % 5 == 0).then_some("A1"))).unwrap();
    let finished = place.run(&LEARN).unwrap();
    let told = "column AGE: its cells are words, although 480 of 600 are numbers, but not \"A1\" (t.csv:2)";
    assert!(finished.code == 0 && finished.stderr.contains(told), "{}", finished.stderr);
    // So is it with classes.
    place
        .write(
            "t.csv",
            &cases(|row, column| {
                (column == "y").then_some(["0", "1", "?x"][if row == 9 { 2 } else { row % 2 }])
            }),
        )
        .unwrap();
    fails(&place, &LEARN, 1, &["t.csv:11: column y: expected a number, got \"?x\""]);
    let trained = json_of(&place, &[&LEARN[..], &["--skip-bad-rows"]].concat());
    assert_eq!(trained["training"]["rows_without_target"], 1);
}

#[test]
fn separators_of_thousands_are_never_guessed() {
    let large = |row: usize, column: &str| {
        (column == "AGE" && !row.is_multiple_of(3)).then_some(["\"12,345\"", "\"1,234,567.5\""][row % 2])
    };
    let place = place_with("t.csv", &cases(large));
    fails(
        &place,
        &LEARN,
        1,
        &["t.csv:3: column AGE: expected a number, without thousands separators, got \"1,234,567.5\""],
    );
    let european = |cells: [&str; 3]| {
        let mut text = String::from("a;y\n");
        (0..200).for_each(|row| writeln!(text, "{};{}", cells[row % 3], ["no", "yes"][row % 2]).unwrap());
        text
    };
    place.write("t.csv", &european(["1,5", "20", "1.500"])).unwrap();
    fails(&place, &LEARN, 1, &["t.csv:4: column a: \"1.500\" may have a separator of thousands"]);
    place.write("t.csv", &european(["1,234", "20", "12,500"])).unwrap();
    let finished = place.run(&LEARN).unwrap();
    let told = "column a: three digits follow every point or comma, which are read as decimal marks, as in \
        \"1,234\" (t.csv:2)";
    assert!(finished.code == 0 && finished.stderr.contains(told), "{}", finished.stderr);
    place.write("t.csv", &european(["1,234", "20", "12,50"])).unwrap();
    let finished = place.run(&LEARN).unwrap();
    assert!(finished.code == 0 && !finished.stderr.contains("column a:"), "{}", finished.stderr);
}

#[test]
fn rows_keep_their_numbers_whatever_stands_between_them() {
    let one: String = (0..100).map(|row| format!("{},{}\n", row % 10, ["no", "yes"][row % 10 / 5])).collect();
    let place = place_with("t.csv", &format!("x,y\n{one}"));
    json_of(&place, &LEARN);
    let numbers = |file: &str, arguments: &[&str]| -> Vec<String> {
        let score = ["score", "--table", file, "--out", "o.csv"];
        let finished = place.run(&[&score[..], arguments].concat()).unwrap();
        assert_eq!(finished.code, 0, "{}", finished.stderr);
        let scores = String::from_utf8(place.read("o.csv").unwrap()).unwrap();
        scores.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    // A blank line of a file with one column is a missing value, quoted or not.
    place.write("one.csv", "x\n9\n\n1\n\n9\n").unwrap();
    let blank = numbers("one.csv", &[]);
    let scores = place.read("o.csv").unwrap();
    assert_eq!(blank, ["1", "2", "3", "4", "5"]);
    place.write("one.csv", "x\n9\n\"\"\n1\nNA\n9\n").unwrap();
    assert_eq!((numbers("one.csv", &[]), place.read("o.csv").unwrap()), (blank, scores));

    place.write("two.csv", "x,z\n1,a\n\n2,b\n3\n4,\"c\"d\n5,e\n\n").unwrap();
    fails(&place, &["score", "--table", "two.csv"], 1, &["two.csv:3: the line is blank", "--skip-bad-rows"]);
    assert_eq!(numbers("two.csv", &["--skip-bad-rows"]), ["1", "3", "6"]);
    let told = json_of(&place, &["score", "--table", "two.csv", "--skip-bad-rows"]);
    assert_eq!((&told["rows"], &told["bad_rows"]), (&json!(3), &json!(3)));
    // What may have swallowed sound rows is no bad row.
    place.write("two.csv", "x,z\n1,a\n2,\"b\n3,c\n4,d\n").unwrap();
    let swallowed = "two.csv:3: the quotation mark that opens on line 3 is never closed";
    fails(&place, &["score", "--table", "two.csv", "--skip-bad-rows"], 1, &[swallowed]);
}

#[test]
fn two_tables_are_compared_as_what_the_first_one_holds() {
    let place = place_with("a.csv", &cases(|_, _| None));
    let monitor = ["monitor", "--reference", "a.csv", "--current", "b.csv"];
    place.write("b.csv", &cases(strays)).unwrap();
    fails(
        &place,
        &monitor,
        1,
        &["b.csv:303: column AGE: expected a number, got \"n/a?\"", "--skip-bad-rows"],
    );
    let found = json_of(&place, &[&monitor[..], &["--skip-bad-rows"]].concat());
    let warnings = found["quality"]["warnings"].to_string();
    assert!(warnings.contains("column AGE: 2 of 600 cells are not what it holds"), "{warnings}");
    assert!(found["alerts"].as_array().unwrap().is_empty(), "{}", found["alerts"]);

    // Whole numbers are the same words with a fraction of zeros, as pandas writes them once cells are
    // missing.
    let coded = |fraction: &str| {
        let mut text = String::from("CODE\n");
        (0..600).for_each(|row| {
            text += &if row % 3 == 0 { "A\n".to_owned() } else { format!("{}{fraction}\n", row % 7) }
        });
        text
    };
    place.write("a.csv", &coded("")).unwrap();
    place.write("b.csv", &coded(".0")).unwrap();
    let found = json_of(&place, &monitor);
    assert_eq!(found["features"][0]["new_words"], json!([]), "{}", found["features"]);
    assert!(found["alerts"].as_array().unwrap().is_empty(), "{}", found["alerts"]);
}
