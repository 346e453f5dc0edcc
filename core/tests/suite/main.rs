//! Tests of the core as its users see it, against oracles: separately and naively written answers to the same
//! questions.

#[cfg(test)]
mod bank;
#[cfg(test)]
mod definitions;
#[cfg(test)]
mod features;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod time;
