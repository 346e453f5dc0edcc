//! Charts as pages, files and pixels show them.

use super::*;

fn chart() -> Chart {
    let words = ["a < b", "c"].map(str::to_owned);
    let bar = |row: i32, length: f64| Mark {
        shape: Shape::Bar([(0.0, Axis::row(row) + 0.4), (length, Axis::row(row) - 0.4)]),
        ink: Ink::Main,
        title: format!("{length} & more"),
    };
    Chart {
        title: "Bars & words".into(),
        subtitle: "how long each is".into(),
        size: (WIDTH, 100),
        x: Axis::numbers(0.0..10.0, 5, number::axis),
        y: Axis::rows(&words),
        marks: vec![bar(0, 10.0), bar(1, 5.0)],
        legend: vec![(Ink::Main, "length".into())],
    }
}

#[test]
fn words_do_not_run_into_each_other() {
    let dates: Vec<String> = (10..30).map(|day| format!("2026-01-{day}")).collect();
    let places: Vec<f64> = Axis::words(&dates, 300).ticks.iter().map(|tick| tick.0).collect();
    assert!(places.len() >= 3 && places[0] == 0.0, "{places:?}");
    let width = f64::from(text_width(&dates[0]));
    assert!(places.windows(2).all(|pair| (pair[1] - pair[0]) * 300.0 / 20.0 > width), "{places:?}");
}

#[test]
fn logarithmic_shares_have_their_numbers() {
    let axis = Axis::log_shares(0.0005, 1.0);
    let labels: Vec<&str> = axis.ticks.iter().map(|tick| tick.1.as_str()).collect();
    assert_eq!(labels, ["0.1 %", "0.3 %", "1 %", "3 %", "10 %", "30 %", "100 %"]);
}

#[test]
fn a_file_has_title_legend_and_colours_of_its_own() {
    let svg = chart().svg().unwrap();
    for text in
        [">Bars &amp; words</text>", ">how long each is<", ">length</text>", ">a &lt; b</text>", "#1b8a7d"]
    {
        assert!(svg.contains(text), "{text} is not in {svg}");
    }
    assert!(svg.starts_with("<svg xmlns=") && !svg.contains("var("));
}

#[test]
fn pixels_show_the_same_bars() {
    let png = chart().png().unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let pixels = tiny_skia::Pixmap::decode_png(&png).unwrap();
    let [red, green, blue] = Ink::Main.light();
    let main = |pixel: &tiny_skia::PremultipliedColorU8| {
        (pixel.red(), pixel.green(), pixel.blue()) == (red, green, blue)
    };
    let rows = pixels.pixels().chunks(pixels.width() as usize);
    let lengths: Vec<usize> = rows.map(|row| row.iter().filter(|it| main(it)).count()).collect();
    let longest = *lengths.iter().max().unwrap();
    assert!(longest > 600, "{longest}");
    let halves = lengths.iter().filter(|length| length.abs_diff(longest / 2) <= 6).count();
    let wholes = lengths.iter().filter(|length| **length == longest).count();
    assert!(halves > 60 && halves.abs_diff(wholes) < 6, "{halves} {wholes}");
    // And text: many different grays.
    let dark = pixels.pixels().iter().filter(|pixel| pixel.red() < 0x60).count();
    assert!(dark > 500, "{dark}");
}
