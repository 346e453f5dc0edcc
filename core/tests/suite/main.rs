//! Tests of the core as its users see it, against oracles: independent, naive answers to the same questions.

#[cfg(test)]
mod bank;
#[cfg(test)]
mod bundle;
#[cfg(test)]
mod definitions;
#[cfg(test)]
mod degenerate;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod features;
#[cfg(test)]
mod format;
#[cfg(test)]
mod frame;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod permutation;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod reasons;
#[cfg(test)]
mod recommend;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod sketch;
#[cfg(test)]
mod time;
#[cfg(test)]
mod training;
