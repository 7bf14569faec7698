//! placeholder
#[derive(Clone, Debug)]
pub struct Projections;
