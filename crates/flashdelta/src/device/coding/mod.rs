//! Entropy coding: a range coder, adaptive binary contexts and their mixing.
//!
//! Everything above is written once, against [`BitCoder`], and runs with three of them: the encoder
//! writes the bit that it is told, the decoder ignores what it is told and returns what it reads,
//! a meter counts what the bit would cost. So the maker, the applier and the maker's prices
//! cannot drift apart.

mod coder;
pub(crate) mod logistic;
pub(crate) mod mixer;
pub(crate) mod number;
mod part;
pub(crate) mod range;

pub(crate) use coder::BitCoder;
pub(crate) use part::Part;
