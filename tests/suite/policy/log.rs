//! What is logged of offers, and what `policy-eval` makes of it.

use super::*;

#[test]
fn a_log_that_left_something_to_chance_tells_what_other_policies_are_worth() {
    let place = bank("\npolicy: {experiment: {salt: s, temperature: 1}, consent: []}\n");
    run(&place, &["export"]);
    let logged = ["offers.parquet", "offers.csv"]
        .map(|log| run(&place, &["score", "--as-of", "2025-12-01", "--log", log])["model_version"].take());
    let by_parquet = run(&place, &["policy-eval", "--log", "offers.parquet", "--temperature", "1"]);
    let mut by_csv = run(&place, &["policy-eval", "--log", "offers.csv", "--temperature", "1"]);
    by_csv["log"] = "offers.parquet".into();
    assert_eq!(by_parquet, by_csv);
    assert_eq!(by_csv["models"], serde_json::json!([logged[0]]));
    let value =
        |policy: usize, estimator: &str| by_csv["policies"][policy][estimator]["value"].as_f64().unwrap();
    let names =
        by_csv["policies"].as_array().unwrap().iter().map(|policy| policy["policy"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["best first", "temperature 1", "all alike"]);

    // The logged policy by its own log, against rewards counted from the log and the tables with nothing of
    // ours.
    let taken = csv(&place, "data/raw/CUSTOMER_ACCOUNT.csv");
    let mut first: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for row in &taken {
        let (customer, opened) = (row["CUSTOMERID"].as_str(), row["ORIGINATIONDATE"].as_str());
        // 90 days from 2025-12-01.
        if ("2025-12-01".."2026-03-01").contains(&opened) {
            let entry = first.entry(customer).or_insert((opened, &row["PRODUCTID"]));
            if opened < entry.0 {
                *entry = (opened, &row["PRODUCTID"]);
            }
        }
    }
    let log = csv(&place, "offers.csv");
    let shown: Vec<_> = log.iter().filter(|row| row["SHOWN"] == "true").collect();
    let id = |name: &str| name.to_uppercase().replace(' ', "_");
    let hits = shown.iter().filter(|row| {
        first.get(row["CUSTOMERID"].as_str()).is_some_and(|(_, product)| *product == id(&row["PRODUCT"]))
    });
    let mean = hits.count() as f64 / shown.len() as f64;
    assert!(mean > 0.0);
    assert_eq!(by_csv["decisions"], shown.len());
    for estimate in [by_csv["logged"]["value"].as_f64().unwrap(), value(1, "ips"), value(1, "snips")] {
        assert!((estimate - mean).abs() < 1e-9, "{estimate} {mean}");
    }
    // The best first is better than all alike, of a model that has learned something.
    assert!(value(0, "snips") > value(2, "snips"));

    // Rewards that stand in the log are taken from there.
    let mut with_rewards =
        format!("CUSTOMERID,AS_OF,PRODUCT,PRIORITY,EXPECTED_REWARD,VALUE,PROPENSITY,{MADE_BY},REWARD\n");
    for row in &log {
        let reward = if row["PROPENSITY"].is_empty() { "" } else { "2.5" };
        let columns = "CUSTOMERID,AS_OF,PRODUCT,PRIORITY,EXPECTED_REWARD,VALUE,PROPENSITY".split(',');
        let columns = columns.chain(MADE_BY.split(','));
        let cells: Vec<&str> = columns.map(|column| row[column].as_str()).collect();
        with_rewards += &format!("{},{reward}\n", cells.join(","));
    }
    place.write("rewarded.csv", &with_rewards).unwrap();
    let rewarded = run(&place, &["policy-eval", "--log", "rewarded.csv"]);
    let snips = rewarded["policies"][0]["snips"]["value"].as_f64().unwrap();
    assert!((snips - 2.5).abs() < 1e-12, "of the same reward for all");

    // What a model says of 90 days is not judged by what came within 30, nor the other way round; rewards of
    // the log's own are.
    place.write("thirty.yaml", &format!("{MODEL}\nsnapshots: {{horizon_days: 30}}\n")).unwrap();
    let text = String::from_utf8(place.read("offers.csv").unwrap()).unwrap();
    place.write("thirty.csv", &text.replace(",90,", ",30,")).unwrap();
    for (log, config, parts) in [
        ("offers.csv", "thirty.yaml", ["the config says 30", "about 90 days"]),
        ("offers.parquet", "thirty.yaml", ["the config says 30", "about 90 days"]),
        ("thirty.csv", "config.yaml", ["the config says 90", "about 30 days"]),
    ] {
        let finished = place.run(&["policy-eval", "--log", log, "--config", config]).unwrap();
        assert_eq!(finished.code, 2, "{log}: {}", finished.stderr);
        let message = finished.stderr;
        let parts = [&parts[..], &["snapshots.horizon_days", log]].concat();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    let with_thirty = run(&place, &["policy-eval", "--log", "rewarded.csv", "--config", "thirty.yaml"]);
    assert_eq!(with_thirty, rewarded);
}

/// What identifies a customer may have any name that the header of a CSV file can say, from the tables to the
/// log and back.
#[test]
fn an_id_column_of_any_name_goes_the_whole_way() {
    let key = "Kunden-Nr., \"Ä\"; a|b=";
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", MODEL).unwrap();
    run(&place, &["generate"]);
    let quoted = format!("\"{}\"", key.replace('"', "\"\""));
    for table in ["CUSTOMER", "CUSTOMER_ACCOUNT", "CONSENT"] {
        let file = format!("data/raw/{table}.csv");
        let text = String::from_utf8(place.read(&file).unwrap()).unwrap();
        let (header, rows) = text.split_once('\n').unwrap();
        let names = header.split(',').map(|name| if name == "CUSTOMERID" { &quoted } else { name });
        place.write(&file, &format!("{}\n{rows}", names.collect::<Vec<_>>().join(","))).unwrap();
    }
    let indented = |file: &str| {
        let text = std::fs::read_to_string(repository().join("native/src/config").join(file)).unwrap();
        let text = text.replace(" CUSTOMERID", &format!(" '{key}'"));
        text.lines().map(|line| format!("    {line}\n")).collect::<String>()
    };
    let config = format!(
        "{MODEL}
feature_store: {{primary_keys: ['{key}']}}
policy: {{experiment: {{salt: s, temperature: 1}}}}
schema:\n{}
feature_engineering:\n  features:\n{}",
        indented("core_banking.yaml"),
        indented("core_banking_features.yaml")
    );
    place.write("config.yaml", &config).unwrap();
    for arguments in [&["features"][..], &["train"], &["export", "--samples", "3"]] {
        run(&place, arguments);
    }
    let evaluated = ["offers.parquet", "offers.csv"].map(|log| {
        run(&place, &["score", "--as-of", "2025-12-01", "--log", log]);
        run(&place, &["policy-eval", "--log", log])["policies"].take()
    });
    assert_eq!(evaluated[0], evaluated[1]);
    let customer = csv(&place, "offers.csv")[0][key].clone();
    for file in ["outputs/predictions/recommendations.csv", "data/processed/customer_product_features.csv"] {
        assert!(csv(&place, file)[0].contains_key(key), "{file}");
    }
    place.write("entities.csv", &format!("{quoted}\n{customer}\n")).unwrap();
    run(&place, &["features", "--as-of", "2026-05-01", "--entities", "entities.csv"]);
    assert_eq!(
        csv(&place, "outputs/features/customer_product_features_as_of_2026-05-01.csv")[0][key],
        customer
    );
    let samples = ["score", "--customers", "outputs/bundle/customers.json"];
    assert_eq!(run(&place, &samples).as_array().unwrap().len(), 3);
    // What no header can say is refused before anything is read.
    place.write("padded.yaml", "feature_store: {primary_keys: [' ID']}").unwrap();
    let error = failure(&place, &["features", "--config", "padded.yaml"]);
    assert!(error.contains("feature_store.primary_keys: \" ID\" is no name of a column"), "{error}");
}

#[test]
fn a_policy_that_asks_for_what_the_log_never_shows_is_refused_or_bounded() {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", MODEL).unwrap();
    // Home Loan is a candidate and never shown; RARELY would show it to 3 of 100.
    let mut log = format!(
        "{MADE_BY},CUSTOMERID,AS_OF,PRODUCT,PRIORITY,RARELY,EXPECTED_REWARD,VALUE,PROPENSITY,REWARD\n"
    );
    for number in 0..1000 {
        let rarely = if number % 100 < 3 { 9 } else { 0 };
        let reward = number % 2;
        let (card, auto) = if number % 10 < 6 { ("0.6", "") } else { ("", "0.4") };
        for (product, priority, rarely, value, propensity) in
            [("Credit Card", 2, 5, 1, card), ("Auto Loan", 1, 1, 4, auto), ("Home Loan", 3, rarely, 7, "")]
        {
            let reward = if propensity.is_empty() { String::new() } else { reward.to_string() };
            log += &format!(
                "90,m,C{number},2025-12-01,{product},{priority},{rarely},0.5,{value},{propensity},{reward}\n"
            );
        }
    }
    place.write("log.csv", &log).unwrap();
    let error = failure(&place, &["policy-eval", "--log", "log.csv"]);
    assert!(error.contains("deficient support: 100.0 %") && error.contains("(Home Loan)"), "{error}");
    let rarely = run(&place, &["policy-eval", "--log", "log.csv", "--priority", "RARELY"]);
    let [best, alike] = &rarely["policies"].as_array().unwrap()[..] else { panic!("{rarely}") };
    assert!((best["unsupported"].as_f64().unwrap() - 0.03).abs() < 1e-12, "{best}");
    assert_eq!(best["neverShownProducts"], serde_json::json!(["Home Loan"]));
    // The card's share is 0.97, of which half is rewarded; rewards are 0 to 7.
    let number = |value: &Value| value.as_f64().unwrap();
    let ips = &best["ips"]["interval"];
    assert!((number(&best["bounds"]["low"]) - number(&ips["low"])).abs() < 1e-12);
    assert!((number(&best["bounds"]["high"]) - number(&ips["high"]) - 0.03 * 7.0).abs() < 1e-12);
    assert!(number(&best["bounds"]["low"]) < 0.485 && number(&best["bounds"]["high"]) > 0.485 + 0.21);
    // A third of what is drawn alike is never shown: nothing is told of it.
    assert!(alike.get("snips").is_none() && alike["unsupported"].as_f64().unwrap() > 0.33, "{alike}");
    let text = place.run(&["policy-eval", "--log", "log.csv", "--priority", "RARELY"]).unwrap().stdout;
    assert!(text.contains("of it 3.0 % has no support in the log") && text.contains("not judged"), "{text}");
}
