//! Tests of the core as its users see it, against oracles: separately and naively written answers to the same
//! questions.

#[cfg(test)]
mod bank;
#[cfg(all(test, feature = "train"))]
mod bundle;
#[cfg(test)]
mod definitions;
#[cfg(test)]
mod features;
#[cfg(all(test, feature = "train"))]
mod format;
#[cfg(all(test, feature = "train"))]
mod frame;
#[cfg(all(test, feature = "train"))]
mod hostile;
#[cfg(test)]
mod naive;
#[cfg(all(test, feature = "train"))]
mod recommend;
#[cfg(all(test, feature = "train"))]
mod sample;
#[cfg(test)]
mod time;
#[cfg(all(test, feature = "train"))]
mod training;
