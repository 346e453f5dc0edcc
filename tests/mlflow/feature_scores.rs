//! Scores rows of features natively, for the Python tests to compare with: `feature-scores BUNDLE`, 32-bit
//! floats from standard input, probabilities to standard output.

use std::io::{Read as _, Write as _};

use nextbest_core::bundle::Bundle;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: feature-scores BUNDLE <ROWS >PROBABILITIES")?;
    let bundle = Bundle::decode(&std::fs::read(path)?)?;
    let mut input = Vec::new();
    std::io::stdin().lock().read_to_end(&mut input)?;
    let rows: Vec<f32> = input.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let probabilities = bundle.scorer().score_batch(&rows, rows.len() / bundle.features.len())?;
    let output: Vec<u8> = probabilities.iter().flat_map(|value| value.to_le_bytes()).collect();
    Ok(std::io::stdout().lock().write_all(&output)?)
}
